/** Who holds the patch that is open, as it was read or as was told since. Pure. */

import type { Detail } from "../api/types";
import type { Holding } from "../live/changes";

/** `until` is null where it was not told: live updates only say who. */
export interface Held {
  readonly by: string;
  readonly until: string | null;
}

export function heldNow(detail: Pick<Detail, "claimed_by" | "claimed_until">, readAt: number, told: Holding | undefined, nowMs: number): Held | null {
  if (told !== undefined && told.at > readAt) return told.by === null ? null : { by: told.by, until: null };
  const { claimed_by: by, claimed_until: until } = detail;
  return by === null || until === null || Date.parse(until) <= nowMs ? null : { by, until };
}
