import { afterEach, describe, expect, it, vi } from "vitest";

import { Client, nextOf, ofPatch } from "./client";
import { Problem, Unreachable, isPassing } from "./problem";

function client(answer: () => Response | Promise<Response>) {
  const refused = vi.fn();
  const asked = vi.fn<typeof fetch>(() => Promise.resolve(answer()));
  vi.stubGlobal("fetch", asked);
  return { client: new Client({ token: () => "secret", refused }), refused, asked };
}

const problem = (status: number, kind: string, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify({ type: `/problems/${kind}`, title: "No", status, detail: "because", changed: ["evidence", 1] }), { status, headers });

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("the client", () => {
  it("sends token, version and key, and reads the headers", async () => {
    const headers = { ETag: '"8"', Link: '</hitl/x?cursor=1>; rel="next"', "X-Total-Count": "10000+" };
    const { client: asks, asked } = client(() => new Response("[1]", { headers }));
    const answer = await asks.post<number[]>("/hitl/x", { body: { a: 1 }, version: '"7"', key: "k" });
    expect(answer).toEqual({ body: [1], etag: '"8"', next: "/hitl/x?cursor=1", total: "10000+" });
    const sent = new Headers(asked.mock.calls[0]?.[1]?.headers);
    expect(Object.fromEntries(sent)).toMatchObject({ authorization: "Bearer secret", "if-match": '"7"', "idempotency-key": "k" });
  });

  it("gives up on an answer in time, and on no file", async () => {
    const timeout = vi.spyOn(AbortSignal, "timeout");
    const { client: asks } = client(() => new Response("[1]"));
    expect(await (await asks.download("/hitl/audit?format=csv")).text()).toBe("[1]");
    expect(timeout).not.toHaveBeenCalled();
    await asks.get("/hitl/audit");
    expect(timeout).toHaveBeenCalledOnce();
    timeout.mockRestore();
  });

  it("reads a problem with its members", async () => {
    const { client: asks } = client(() => problem(412, "stale-version"));
    const failure: unknown = await asks.get("/x").catch((one: unknown) => one);
    expect(failure).toBeInstanceOf(Problem);
    expect(failure).toMatchObject({ status: 412, kind: "stale-version", detail: "because" });
    expect((failure as Problem).texts("changed")).toEqual(["evidence"]);
  });

  it.each([
    ["invalid-token", 1],
    ["login-too-old", 0],
  ])("with %s ends the session %i times", async (kind, times) => {
    const { client: asks, refused } = client(() => problem(401, kind));
    await expect(asks.get("/x")).rejects.toBeInstanceOf(Problem);
    expect(refused).toHaveBeenCalledTimes(times);
  });

  it("asks once more where the token was renewed while it asked", async () => {
    const tokens = ["old", "new", "new"];
    const refused = vi.fn();
    const answers = [problem(401, "invalid-token"), new Response("[1]")];
    const asked = vi.fn<typeof fetch>(() => Promise.resolve(answers.shift() ?? Response.error()));
    vi.stubGlobal("fetch", asked);
    const answer = await new Client({ token: () => tokens.shift() ?? null, refused }).post("/x", { key: "k" });
    expect(answer.body).toEqual([1]);
    expect(asked.mock.calls.map(([, sent]) => new Headers(sent?.headers).get("Authorization"))).toEqual(["Bearer old", "Bearer new"]);
    expect(refused).not.toHaveBeenCalled();
  });

  it.each([
    ["nobody answers", () => Promise.reject(new TypeError("network"))],
    ["the answer is cut off", () => new Response('{"a":')],
  ])("is unreachable when %s", async (_, answer) => {
    const { client: asks } = client(answer);
    await expect(asks.get("/x")).rejects.toBeInstanceOf(Unreachable);
  });

  it("takes a proxy's page for a problem", async () => {
    const { client: asks } = client(() => new Response("<html>", { status: 502 }));
    const failure: unknown = await asks.get("/x").catch((one: unknown) => one);
    expect(failure).toMatchObject({ status: 502, title: "HTTP 502" });
    expect(isPassing(failure)).toBe(true);
  });
});

it.each([
  [null, null],
  ['</a?b=1>; rel="next"', "/a?b=1"],
  ['<https://evil.example/a>; rel="next"', null],
  ['<//evil.example/a>; rel="next"', null],
  ['</a>; rel="prev"', null],
])("the next page of %s is %s", (link, expected) => {
  expect(nextOf(link)).toBe(expected);
});

it.each(["a/b", "pending", "100 %", "..x", "ä\u202e"])("a patch called %s is asked for whole", (id) => {
  const address = new URL(ofPatch(id, "approve"), "http://x");
  expect(address.pathname).toBe("/hitl/patches/_/approve");
  expect(address.searchParams.get("patch_id")).toBe(id);
});
