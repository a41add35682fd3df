/** The time, for what shows how long something is away. One clock for the whole page, four times a minute. */

import { useSyncExternalStore } from "react";

const TICK_MS = 15_000;

let now = Date.now();
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) now = Date.now();
  listeners.add(listener);
  return () => listeners.delete(listener);
}

setInterval(() => {
  now = Date.now();
  for (const listener of listeners) listener();
}, TICK_MS);

export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}
