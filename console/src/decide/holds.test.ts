import { describe, expect, it, vi } from "vitest";

import { type Ask, Holds, type Standing } from "./holds";

function holds(ask: Ask = vi.fn<Ask>().mockResolvedValue(undefined)) {
  let standing: Standing = "open";
  const later: (() => void)[] = [];
  const made = new Holds(ask, () => standing, {
    after: (_, run) => {
      later.push(run);
      return () => {
        later.splice(later.indexOf(run), 1);
      };
    },
  });
  const stands = (next: Standing): void => {
    standing = next;
    made.look();
  };
  return { made, ask, later, stands };
}

const settled = async (): Promise<void> => {
  await new Promise((resolve) => {
    setTimeout(resolve);
  });
};

describe("what somebody was led to", () => {
  it("is held while it is open, and let go when it is left", async () => {
    const { made, ask } = holds();
    made.take("p");
    expect(ask).toHaveBeenLastCalledWith("p", "claim", false);
    made.leave("p");
    await settled();
    expect(ask).toHaveBeenLastCalledWith("p", "release", false);
    made.leave("p");
    await settled();
    expect(ask).toHaveBeenCalledTimes(2);
  });

  it("is let go also where it was left before it was held", async () => {
    let answer = (): void => undefined;
    const ask = vi.fn<Ask>().mockImplementationOnce(async () => {
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
    });
    const { made } = holds(ask);
    made.take("p");
    made.leave("p");
    await settled();
    expect(ask).toHaveBeenCalledTimes(1);
    answer();
    await settled();
    expect(ask).toHaveBeenLastCalledWith("p", "release", false);
  });

  it("is not let go where somebody else was quicker", async () => {
    const { made, ask } = holds(vi.fn<Ask>().mockRejectedValue(new Error("held")));
    made.take("p");
    made.leave("p");
    await settled();
    expect(ask).toHaveBeenCalledTimes(1);
  });

  it.each<[string, Standing, number]>([
    ["taken back or refused", "open", 2],
    ["done", "decided", 1],
  ])("is held while it is being decided; then, %s, it is %s", async (_, then, asked) => {
    const { made, ask, stands } = holds();
    made.take("p");
    stands("deciding");
    made.leave("p");
    await settled();
    expect(ask).toHaveBeenCalledTimes(1);
    stands(then);
    await settled();
    expect(ask).toHaveBeenCalledTimes(asked);
  });

  it("is the person's own once they claimed it or let it go themselves", async () => {
    const { made, ask, later } = holds();
    made.take("p");
    made.forget("p");
    made.leave("p");
    await settled();
    expect(ask).toHaveBeenCalledTimes(1);
    expect(later).toEqual([]);
  });

  it("is held for as long as it is open", async () => {
    const { made, ask, later } = holds();
    made.take("p");
    later.shift()?.();
    later.shift()?.();
    expect(ask).toHaveBeenCalledTimes(3);
    made.leave("p");
    await settled();
    expect(ask).toHaveBeenLastCalledWith("p", "release", false);
    expect(later).toEqual([]);
  });

  it("is let go at once when the page goes", async () => {
    const { made, ask } = holds();
    made.take("p");
    await settled();
    made.leaveAll();
    expect(ask).toHaveBeenLastCalledWith("p", "release", true);
  });

  it("is let go when the page goes, unless it is being decided", async () => {
    const { made, ask, stands } = holds();
    made.take("p");
    made.leaveAll();
    await settled();
    expect(ask).toHaveBeenLastCalledWith("p", "release", true);
    made.take("p");
    stands("deciding");
    made.leaveAll();
    await settled();
    expect(ask).toHaveBeenLastCalledWith("p", "claim", false);
  });

  it("is not let go by what was left before when it is open again", async () => {
    const { made, ask } = holds();
    made.take("p");
    made.leave("p");
    made.take("p");
    await settled();
    expect(vi.mocked(ask).mock.calls.map(([, what]) => what)).toEqual(["claim", "claim"]);
  });
});
