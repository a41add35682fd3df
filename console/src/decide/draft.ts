/** What was written or decided and has not arrived: it survives a lost race, an ended session and a reload of this tab. */

import type { Kept, Memory, Stage, Wish } from "./outgoing";
import type { Preset } from "./presets";

const PREFIX = "hitl.draft.";

/** What somebody wrote and chose, as they left it. */
export interface Draft {
  readonly text: string;
  readonly presets: readonly Preset[];
}

export const EMPTY: Draft = { text: "", presets: [] };

export function isEmpty({ text, presets }: Draft): boolean {
  return text === "" && presets.length === 0;
}

export function read(person: string, patchId: string, what: string): Draft {
  const kept = sessionStorage.getItem(name(person, patchId, what));
  return kept === null ? EMPTY : (draftOf(parsed(kept)) ?? { text: kept, presets: [] });
}

export function keep(person: string, patchId: string, what: string, draft: Draft): void {
  if (isEmpty(draft)) sessionStorage.removeItem(name(person, patchId, what));
  else sessionStorage.setItem(name(person, patchId, what), JSON.stringify(draft));
}

/** A decision has its answer, or the page found it without one: what was written for it is of no more use, or is given back. */
export function settle(person: string, { patchId, action, typed }: Wish, stage: Stage): void {
  if (stage.kind === "done") keep(person, patchId, action, EMPTY);
  // What a page before this one left is older than what has been written since.
  else if (stage.kind !== "left" || isEmpty(read(person, patchId, action))) keep(person, patchId, action, typed);
}

/** Where this person's decisions without an answer are. */
export function memory(person: string): Memory {
  const own = PREFIX + JSON.stringify([person]);
  return {
    read: () => {
      const kept = parsed(sessionStorage.getItem(own) ?? "[]");
      return Array.isArray(kept) ? (kept as readonly Kept[]).map(asOfNow) : [];
    },
    write: (unanswered) => {
      if (unanswered.length === 0) sessionStorage.removeItem(own);
      else sessionStorage.setItem(own, JSON.stringify(unanswered));
    },
  };
}

/** The key under which this is said: the same for the same words about the same thing, until there is an answer. */
export function keyOf(person: string, patchId: string, what: string, comment: string): string {
  const own = keyName(person, patchId, what, comment);
  const key = sessionStorage.getItem(own) ?? crypto.randomUUID();
  sessionStorage.setItem(own, key);
  return key;
}

/** What was said has arrived. */
export function arrived(person: string, patchId: string, what: string, comment: string): void {
  keep(person, patchId, what, EMPTY);
  sessionStorage.removeItem(keyName(person, patchId, what, comment));
}

/** Nobody else who sits down here reads it: all of it goes but what is this person's; null is nobody. */
export function forgetOthers(person: string | null): void {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(PREFIX) && ownerOf(key) !== person) sessionStorage.removeItem(key);
}

/** A console before this one kept the text alone, and a tab can be older than what it has just loaded: null where it is no draft. */
function draftOf(kept: unknown): Draft | null {
  if (typeof kept !== "object" || kept === null) return null;
  const { text, presets } = kept as Readonly<Record<string, unknown>>;
  return typeof text === "string" && Array.isArray(presets) ? { text, presets: presets as readonly Preset[] } : null;
}

function asOfNow(kept: Kept): Kept {
  const typed: unknown = kept.wish.typed;
  const draft = draftOf(typed) ?? { text: typeof typed === "string" ? typed : "", presets: [] };
  return { ...kept, wish: { ...kept.wish, typed: draft } };
}

/** Undefined where it cannot be read. */
function parsed(kept: string): unknown {
  try {
    return JSON.parse(kept);
  } catch {
    return undefined;
  }
}

function ownerOf(key: string): unknown {
  const [person] = JSON.parse(key.slice(PREFIX.length)) as readonly unknown[];
  return person;
}

function keyName(person: string, patchId: string, what: string, comment: string): string {
  return PREFIX + JSON.stringify([person, patchId, what, comment]);
}

function name(person: string, patchId: string, what: string): string {
  return PREFIX + JSON.stringify([person, patchId, what]);
}
