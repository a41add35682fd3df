/** What was written or decided and has not arrived: it survives a lost race, an ended session and a reload of this tab. */

import type { Kept, Memory } from "./outgoing";

const PREFIX = "hitl.draft.";

export function read(person: string, patchId: string, what: string): string {
  return sessionStorage.getItem(name(person, patchId, what)) ?? "";
}

export function keep(person: string, patchId: string, what: string, text: string): void {
  if (text === "") sessionStorage.removeItem(name(person, patchId, what));
  else sessionStorage.setItem(name(person, patchId, what), text);
}

/** Where this person's decisions without an answer are. */
export function memory(person: string): Memory {
  const own = PREFIX + JSON.stringify([person]);
  return {
    read: () => JSON.parse(sessionStorage.getItem(own) ?? "[]") as readonly Kept[],
    write: (unanswered) => {
      if (unanswered.length === 0) sessionStorage.removeItem(own);
      else sessionStorage.setItem(own, JSON.stringify(unanswered));
    },
  };
}

/** Nobody else who sits down here reads it. */
export function forgetAll(): void {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
}

function name(person: string, patchId: string, what: string): string {
  return PREFIX + JSON.stringify([person, patchId, what]);
}
