/** When a review is about to expire. Pure. */

import type { Review } from "../api/types";

export const DAY_MS = 86_400_000;

type Term = Pick<Review, "opened_at" | "expires_at">;

/** Whether a review is about to expire: half of its time is over, and there is a day at most. */
export function isClose({ opened_at: opened, expires_at: expires }: Term, nowMs: number): boolean {
  const end = Date.parse(expires);
  return end - nowMs < Math.min(DAY_MS, (end - Date.parse(opened)) / 2);
}

/** Of reviews in the order of their deadlines those that are about to expire, and whether behind them there can be more. */
export function closeOnes<T extends Term>(rows: readonly T[], nowMs: number): { readonly close: readonly T[]; readonly goesOn: boolean } {
  const close = rows.filter((row) => isClose(row, nowMs));
  return { close, goesOn: rows.every(({ expires_at: expires }) => Date.parse(expires) - nowMs < DAY_MS) };
}
