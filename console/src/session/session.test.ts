import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Grant, Issuer } from "./grant";
import { Session } from "./session";

const grant = (token: string, seconds = 3_600, refresh: string | null = null): Grant => ({ token, expiresAt: Date.now() + seconds * 1_000, refresh, idToken: null });

/** Tokens are names: whoever shows one is that person. */
function answer(_: unknown, request?: RequestInit): Promise<Response> {
  const subject = new Headers(request?.headers).get("Authorization")?.replace("Bearer ", "").split(" ")[0] ?? "";
  if (subject === "nobody") return Promise.reject(new TypeError("network"));
  return Promise.resolve(new Response(JSON.stringify({ subject, roles: ["reviewer"], authenticated_at: null, expires_at: "" })));
}

function session(issuer: Partial<Issuer>) {
  const signIn = vi.fn<Issuer["signIn"]>();
  const renew = vi.fn<Issuer["renew"]>().mockResolvedValue(null);
  const made = new Session({ signIn, renew, farewell: () => null, ...issuer });
  return { made, signIn, renew, kind: () => made.now().kind };
}

const assign = vi.fn();

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("fetch", vi.fn(answer));
  vi.stubGlobal("location", { assign });
  assign.mockClear();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a session", () => {
  it("is whose the token is", async () => {
    const { made, signIn } = session({});
    signIn.mockResolvedValue(grant("alice"));
    await made.signIn();
    expect(made.now()).toMatchObject({ kind: "in", me: { subject: "alice" } });
    expect(made.token()).toBe("alice");
  });

  it("is never gone on with by somebody else", async () => {
    const { made, signIn, kind } = session({});
    signIn.mockResolvedValueOnce(grant("alice")).mockResolvedValueOnce(grant("bob"));
    await made.signIn();
    expect(await made.signInAgain(true)).toBe(false);
    expect([kind(), made.token()]).toEqual(["out", null]);
    expect(assign).toHaveBeenCalledExactlyOnceWith("/");
  });

  it("takes no token of which nobody can say whose it is", async () => {
    const { made, signIn } = session({});
    signIn.mockResolvedValueOnce(grant("alice")).mockResolvedValueOnce(grant("nobody"));
    await made.signIn();
    await expect(made.signInAgain()).rejects.toThrow();
    expect(made.token()).toBe("alice");
  });

  it("that is given up is not a new one", async () => {
    const { made, signIn } = session({});
    signIn.mockResolvedValueOnce(grant("alice")).mockResolvedValueOnce(null);
    await made.signIn();
    expect(await made.signInAgain(true)).toBe(false);
  });

  it("ends when its token does, and stays on the screen", async () => {
    const { made, signIn, kind } = session({});
    signIn.mockResolvedValue(grant("alice", 60));
    await made.signIn();
    await vi.advanceTimersByTimeAsync(59_000);
    expect(kind()).toBe("in");
    await vi.advanceTimersByTimeAsync(2_000);
    expect([kind(), made.token()]).toEqual(["ended", null]);
  });

  it.each([
    [2, 10],
    [0, 21],
  ])("is renewed in time, and not all the time where a token lasts %s s", async (seconds, times) => {
    const { made, signIn, renew } = session({});
    signIn.mockResolvedValue(grant("alice", seconds, "r1"));
    renew.mockImplementation(() => Promise.resolve(grant("alice", seconds, "r2")));
    await made.signIn();
    await vi.advanceTimersByTimeAsync(10_600);
    expect(renew).toHaveBeenCalledTimes(times);
  });

  it("is renewed once however many ask for it", async () => {
    const { made, signIn, renew } = session({});
    signIn.mockResolvedValue(grant("alice", 60, "r1"));
    renew.mockResolvedValue(grant("alice 2", 60, "r2"));
    await made.signIn();
    made.refused();
    made.refused();
    await vi.advanceTimersByTimeAsync(0);
    expect(renew).toHaveBeenCalledOnce();
    expect(made.token()).toBe("alice 2");
  });

  it("ends once at the provider, however often one logs out", async () => {
    const { made, signIn } = session({ farewell: () => "https://provider/logout" });
    signIn.mockResolvedValue(grant("alice"));
    await made.signIn();
    made.signOut();
    made.signOut();
    expect(assign).toHaveBeenCalledExactlyOnceWith("https://provider/logout");
  });

  it("tells of a token that was renewed because it was refused, and of no other", async () => {
    const { made, signIn, renew } = session({});
    signIn.mockResolvedValue(grant("alice", 60, "r1"));
    renew.mockImplementation(() => Promise.resolve(grant("alice", 60, "r2")));
    await made.signIn();
    const told = vi.fn();
    made.subscribe(() => { told(made.now().kind, made.token()); });
    await vi.advanceTimersByTimeAsync(31_000);
    expect(renew).toHaveBeenCalledOnce();
    expect(told).not.toHaveBeenCalled();
    made.refused();
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toHaveBeenCalledExactlyOnceWith("in", "alice");
  });

  it("whose renewed token is refused as well ends, and is not renewed all the time", async () => {
    const { made, signIn, renew, kind } = session({});
    signIn.mockResolvedValue(grant("alice", 3_600, "r1"));
    renew.mockImplementation(() => Promise.resolve(grant("alice", 3_600, "r2")));
    await made.signIn();
    made.refused();
    await vi.advanceTimersByTimeAsync(1_000);
    made.refused();
    expect([kind(), made.token()]).toEqual(["ended", null]);
    await made.signInAgain();
    made.refused();
    await vi.advanceTimersByTimeAsync(20_000);
    made.refused();
    await vi.advanceTimersByTimeAsync(0);
    expect([kind(), renew.mock.calls.length]).toEqual(["in", 3]);
  });

  it("outlives a provider that is away for a moment", async () => {
    const { made, signIn, renew, kind } = session({});
    signIn.mockResolvedValue(grant("alice", 60, "r1"));
    renew.mockRejectedValueOnce(new TypeError("network")).mockImplementationOnce(() => Promise.resolve(grant("alice 2", 60, "r2")));
    await made.signIn();
    await vi.advanceTimersByTimeAsync(35_000);
    expect([kind(), made.token()]).toEqual(["in", "alice 2"]);
  });
});
