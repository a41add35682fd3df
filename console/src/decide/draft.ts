/** What was written and not sent, by patch: it survives a lost race, an ended session and a reload of this tab. */

const PREFIX = "hitl.draft.";

export function read(person: string, patchId: string, what: string): string {
  return sessionStorage.getItem(name(person, patchId, what)) ?? "";
}

export function keep(person: string, patchId: string, what: string, text: string): void {
  if (text === "") sessionStorage.removeItem(name(person, patchId, what));
  else sessionStorage.setItem(name(person, patchId, what), text);
}

/** Nobody else who sits down here reads it. */
export function forgetAll(): void {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
}

function name(person: string, patchId: string, what: string): string {
  return PREFIX + JSON.stringify([person, patchId, what]);
}
