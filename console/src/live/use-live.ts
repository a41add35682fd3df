/** The live connection of the page, for what shows it and what reacts to it. */

import { createContext, useContext, useSyncExternalStore } from "react";

import type { Changes, Heard } from "./changes";
import type { Connection, Live } from "./live";

export const LiveContext = createContext<{ readonly live: Live; readonly changes: Changes } | null>(null);

function useBoth(): { readonly live: Live; readonly changes: Changes } {
  const both = useContext(LiveContext);
  if (both === null) throw new Error("no live connection around");
  return both;
}

export function useConnection(): Connection {
  const { live } = useBoth();
  return useSyncExternalStore(live.subscribe, live.now);
}

/** Whether a list may be read: nothing that happens from now on is missed. */
export function useHasBegun(): boolean {
  const { live } = useBoth();
  return useSyncExternalStore(live.subscribe, live.hasBegun);
}

export function useChanges(): Changes {
  return useBoth().changes;
}

export function useHeard(): Heard {
  const { changes } = useBoth();
  return useSyncExternalStore(changes.subscribe, changes.now);
}
