import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Unreachable, problemOf } from "../api/problem";
import { People } from "./people";

const ANN = { subject: "5b0f", name: "ann", shared: false };

function people(...answers: readonly unknown[]) {
  const get = vi.fn<(path: string) => Promise<never>>();
  for (const body of answers) get.mockImplementationOnce(() => (body instanceof Error ? Promise.reject(body) : Promise.resolve({ body } as never)));
  return { made: new People({ get }), get };
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("people", () => {
  it("are looked up together, once, and never the policy", async () => {
    const { made, get } = people([ANN]);
    const told = vi.fn();
    made.subscribe(told);
    made.want(["5b0f", "policy"]);
    made.want(["5b0f", "77 a&b"]);
    await vi.runAllTimersAsync();
    made.want(["5b0f", "77 a&b"]);
    await vi.runAllTimersAsync();
    expect(get).toHaveBeenCalledExactlyOnceWith("/hitl/people?subject=5b0f&subject=77+a%26b");
    expect([...made.known()]).toEqual([["5b0f", "ann"]]);
    expect(told).toHaveBeenCalledOnce();
  });

  it.each([
    ["nobody answered", new Unreachable("away")],
    ["the session had ended", problemOf(401, {})],
  ])("are asked for again when %s", async (_, failure) => {
    const { made } = people(failure, [ANN]);
    made.want(["5b0f"]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(made.known().size).toBe(0);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(made.known().get("5b0f")).toBe("ann");
  });

  it("who share a name are told apart, and no name hides anything", async () => {
    const { made } = people([
      { ...ANN, shared: true },
      { subject: "c", name: "c\u202eann", shared: false },
    ]);
    made.want(["5b0f", "c"]);
    await vi.runAllTimersAsync();
    expect(made.known().get("5b0f")).toBe("ann (5b0f)");
    expect(made.known().get("c")).not.toContain("\u202e");
  });

  it("are asked for by the forty", async () => {
    const { made, get } = people([], [], []);
    made.want(Array.from({ length: 100 }, (_, number) => `s-${String(number)}`));
    await vi.runAllTimersAsync();
    expect(get).toHaveBeenCalledTimes(3);
  });
});
