/** What this person can do with this patch at this moment, as far as the console knows. The sidecar decides; this only spares clicks. */

import type { Detail } from "../api/types";

export interface Person {
  readonly subject: string;
  readonly isReviewer: boolean;
  readonly mayBreakGlass: boolean;
}

export interface Possible {
  readonly approve: boolean;
  readonly reject: boolean;
  readonly breakGlass: boolean;
  readonly comment: boolean;
  readonly claim: boolean;
  readonly release: boolean;
  readonly takeover: boolean;
  readonly revoke: boolean;
  readonly reopen: boolean;
  /** Review afterwards that somebody else broke the glass. */
  readonly reviewGlass: boolean;
  /** Whether an approval would be one of several. */
  readonly isOneOfSeveral: boolean;
}

/** Whether an approval of theirs changes anything: none of theirs is there, or all became enough after they were given, and one of them concludes. */
export function canApprove({ approvals, approvals_required: needed }: Pick<Detail, "approvals" | "approvals_required">, subject: string): boolean {
  return !approvals.includes(subject) || approvals.length >= needed;
}

export function possible(detail: Detail, { subject, isReviewer, mayBreakGlass }: Person, nowMs: number): Possible {
  const { state, own, claimed_by: holder, claimed_until: until } = detail;
  const isPending = state === "pending";
  const isBound = detail.patch.patch_digest !== null;
  const isHeld = holder !== null && until !== null && Date.parse(until) > nowMs;
  return {
    approve: isReviewer && isPending && isBound && !own && canApprove(detail, subject),
    reject: isReviewer && isPending,
    breakGlass: mayBreakGlass && isPending && isBound && !own,
    comment: isReviewer,
    claim: isReviewer && isPending && !isHeld,
    release: isReviewer && isHeld && holder === subject,
    takeover: isReviewer && isPending && isHeld && holder !== subject,
    revoke: isReviewer && state === "approved",
    reopen: isReviewer && state === "expired",
    reviewGlass: isReviewer && detail.glass_broken_by !== null && detail.glass_broken_by !== subject,
    isOneOfSeveral: detail.approvals_required > 1,
  };
}
