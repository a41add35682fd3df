/** The session and its client for every part of the console. */

import { createContext, useContext, useSyncExternalStore } from "react";

import type { Client } from "../api/client";
import type { Me } from "../api/types";
import type { Session, State } from "./session";

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) throw new Error("no session around");
  return session;
}

export function useSessionState(): State {
  const session = useSession();
  return useSyncExternalStore(session.subscribe, session.now);
}

export function useClient(): Client {
  return useSession().client;
}

/** Who is logged in, or was until a moment ago. */
export function useMe(): Me {
  const state = useSessionState();
  if (state.kind === "out") throw new Error("nobody is logged in");
  return state.me;
}

/** Whether the person has one of these roles; the sidecar decides again, in the database. */
export function useMay(...roles: readonly string[]): boolean {
  const me = useMe();
  return roles.some((role) => me.roles.includes(role));
}
