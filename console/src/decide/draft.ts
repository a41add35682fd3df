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

/** The key under which this comment is sent: the same for the same words, until there is an answer. */
export function keyOf(person: string, patchId: string, comment: string): string {
  const own = name(person, patchId, `key of ${comment}`);
  const key = sessionStorage.getItem(own) ?? crypto.randomUUID();
  sessionStorage.setItem(own, key);
  return key;
}

/** What was said has arrived. */
export function arrived(person: string, patchId: string, comment: string): void {
  keep(person, patchId, "comment", "");
  keep(person, patchId, `key of ${comment}`, "");
}

/** Nobody else who sits down here reads it: all of it goes but what is this person's; null is nobody. */
export function forgetOthers(person: string | null): void {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(PREFIX) && ownerOf(key) !== person) sessionStorage.removeItem(key);
}

function ownerOf(key: string): unknown {
  const [person] = JSON.parse(key.slice(PREFIX.length)) as readonly unknown[];
  return person;
}

function name(person: string, patchId: string, what: string): string {
  return PREFIX + JSON.stringify([person, patchId, what]);
}
