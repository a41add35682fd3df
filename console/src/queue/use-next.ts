/** What is to be decided next, so that two who work down the same queue do not meet. */

import type { Review } from "../api/types";
import { isGivenBack } from "../decide/outgoing";
import { useOutgoing } from "../decide/work";
import { useHeard } from "../live/use-live";
import { useMe } from "../session/use-session";
import { isTurnOf, nextAfter } from "./use-queue";

/** The id of the one behind `id`, or where that is null of the first; null where there is none. */
export function useNext(reviews: readonly Review[], id: string | null): string | null {
  const { decided } = useHeard();
  const { subject } = useMe();
  const outgoing = useOutgoing();
  const hasDecided = (one: string): boolean => outgoing.some(({ wish, stage }) => wish.patchId === one && !isGivenBack(stage));
  return nextAfter(reviews, id, (one) => !isTurnOf(one, subject) || decided.has(one.patch_id) || hasDecided(one.patch_id))?.patch_id ?? null;
}
