/** The filters of the audit: in the address as the reader chose them, towards the API as it wants them. Pure. */

import { en } from "../words/en";

export const FILTERS = ["patch_id", "actor", "action", "policy_version", "since", "until"] as const;
export type Filter = (typeof FILTERS)[number];

/** What can have been done, as the API names it: all of it has words. */
export const ACTIONS: readonly string[] = Object.keys(en).flatMap((key) => (key.startsWith("action.") ? [key.slice("action.".length)] : []));

/** What the API is asked. Days are the reader's own: they begin at midnight where the reader is, and `until` is part of the range. */
export function asked(params: URLSearchParams): URLSearchParams {
  const found = new URLSearchParams();
  for (const name of FILTERS) {
    const value = params.get(name)?.trim() ?? "";
    if (value === "") continue;
    const said = name === "since" || name === "until" ? midnight(value, name === "until" ? 1 : 0) : value;
    if (said !== null) found.set(name, said);
  }
  return found;
}

function midnight(day: string, later: number): string | null {
  const [, year, month, date] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day) ?? [];
  if (year === undefined) return null;
  const at = new Date(Number(year), Number(month) - 1, Number(date) + later);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}
