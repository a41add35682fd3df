/** Ranges of whole days in UTC, as the API counts them. Pure. */

export const RANGES = ["7", "30", "90"] as const;
export type Range = (typeof RANGES)[number];

const DAY_MS = 86_400_000;

/** The last so many days, today among them: `until` is not included. */
export function daysOf(range: Range, nowMs: number): { readonly since: string; readonly until: string } {
  const tomorrow = (Math.floor(nowMs / DAY_MS) + 1) * DAY_MS;
  return { since: day(tomorrow - Number(range) * DAY_MS), until: day(tomorrow) };
}

function day(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}
