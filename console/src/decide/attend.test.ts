import { QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { Problem } from "../api/problem";
import { cache } from "../api/queries";
import type { Grant, Issuer } from "../session/grant";
import { Session } from "../session/session";
import { attend } from "./attend";

let accepted = "";

const grant = (token: string): Grant => ({ token, expiresAt: Date.now() + 3_600_000, refresh: "r", idToken: null });

/** The sidecar: it says who somebody is, and answers the rest only with the token that it accepts now. */
function answer(path: string, request?: RequestInit): Promise<Response> {
  if (path === "/hitl/me") return Promise.resolve(new Response(JSON.stringify({ subject: "alice", roles: [] })));
  const isAccepted = new Headers(request?.headers).get("Authorization") === `Bearer ${accepted}`;
  return Promise.resolve(isAccepted ? new Response('"read"') : new Response("{}", { status: 401 }));
}

async function attended() {
  const signIn = vi.fn<Issuer["signIn"]>().mockResolvedValue(grant("one"));
  const renew = vi.fn<Issuer["renew"]>().mockResolvedValue(null);
  const session = new Session({ signIn, renew, farewell: () => null });
  await session.signIn();
  const cached = cache();
  const desk = { pause: vi.fn(), goOn: vi.fn(), close: vi.fn() };
  attend(session, cached, desk, { wake: vi.fn() });
  const query = new QueryObserver(cached, { queryKey: ["x"], queryFn: async () => (await session.client.get<string>("/x")).body });
  return { session, signIn, renew, desk, query };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("fetch", vi.fn(answer));
  vi.stubGlobal("location", { assign: vi.fn() });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("what was refused is asked again once the token is renewed", async () => {
  const { renew, query } = await attended();
  accepted = "two";
  renew.mockImplementationOnce(() => new Promise((resolve) => setTimeout(() => { resolve(grant("two")); }, 100)));
  const end = query.subscribe(() => undefined);
  await vi.advanceTimersByTimeAsync(50);
  expect(query.getCurrentResult().error).toBeInstanceOf(Problem);
  await vi.advanceTimersByTimeAsync(100);
  expect(query.getCurrentResult().data).toBe("read");
  end();
});

it("decisions wait while nobody is logged in, and end with the person", async () => {
  const { session, signIn, desk } = await attended();
  session.refused();
  await vi.advanceTimersByTimeAsync(0);
  expect(session.now().kind).toBe("ended");
  expect(desk.pause).toHaveBeenCalledOnce();
  signIn.mockResolvedValueOnce(grant("two"));
  await session.signInAgain();
  expect(desk.goOn).toHaveBeenCalledOnce();
  session.signOut();
  expect(desk.close).toHaveBeenCalledOnce();
});
