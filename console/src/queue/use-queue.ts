/** The list of a view: its parts one below the other, each review once, and the one after a given one. */

import { useInfiniteQuery } from "@tanstack/react-query";

import { part } from "../api/queries";
import type { Review } from "../api/types";
import { canApprove } from "../decide/possible";
import { useHasBegun } from "../live/use-live";
import { useClient } from "../session/use-session";
import { PARTS, type Part, type View } from "./view";

/** A line of the list: the title of a part, or a review in it (`index` counts reviews). */
export type Line =
  | { readonly kind: "title"; readonly part: Part; readonly total: string }
  | { readonly kind: "review"; readonly review: Review; readonly part: Part; readonly index: number };

export interface Queue {
  readonly lines: readonly Line[];
  readonly reviews: readonly Review[];
  /** How many reviews there are behind all pages of the last part, as the API says it. */
  readonly total: string | null;
  readonly isLoading: boolean;
  readonly failure: Error | null;
  readonly hasMore: boolean;
  readonly isLoadingMore: boolean;
  /** More could not be had, and is asked for again only by `again`. */
  readonly hasStopped: boolean;
  readonly more: () => void;
  readonly again: () => void;
}

/** The parts of `view`. Hooks are asked for every part there is, and do nothing for those that the lane does not show. */
export function useQueue(view: View): Queue {
  const client = useClient();
  const hasBegun = useHasBegun();
  const shown = PARTS[view.lane];
  const last = shown.at(-1);
  const mine = useInfiniteQuery({ ...part(client, view, "mine", last === "mine"), enabled: hasBegun && shown.includes("mine") });
  const second = useInfiniteQuery({ ...part(client, view, "second", last === "second"), enabled: hasBegun && shown.includes("second") });
  const expiring = useInfiniteQuery({ ...part(client, view, "expiring", last === "expiring"), enabled: hasBegun && shown.includes("expiring") });
  const waiting = useInfiniteQuery({ ...part(client, view, "waiting", last === "waiting"), enabled: hasBegun && shown.includes("waiting") });
  const asked = { mine, second, expiring, waiting };

  const lines: Line[] = [];
  const reviews: Review[] = [];
  const seen = new Set<string>();
  for (const which of shown) {
    const found = (asked[which].data?.pages ?? []).flatMap((page) => page.rows);
    const rows = found.filter(({ patch_id: id }) => !seen.has(id));
    const total = totalOf(asked[which].data?.pages[0]?.total ?? null, found.length - rows.length);
    if (rows.length > 0 && shown.length > 1) lines.push({ kind: "title", part: which, total });
    for (const review of rows) {
      seen.add(review.patch_id);
      lines.push({ kind: "review", review, part: which, index: reviews.length });
      reviews.push(review);
    }
  }
  const ending = asked[last ?? "waiting"];
  const all = shown.map((which) => asked[which]);
  return {
    lines,
    reviews,
    total: ending.data?.pages[0]?.total ?? null,
    isLoading: all.some((one) => one.isPending),
    failure: all.find((one) => one.isError && one.data === undefined)?.error ?? null,
    hasMore: ending.hasNextPage,
    isLoadingMore: ending.isFetchingNextPage,
    hasStopped: ending.isFetchNextPageError,
    more: () => {
      if (ending.hasNextPage && !ending.isFetchingNextPage && !ending.isFetchNextPageError) void ending.fetchNextPage();
    },
    again: () => {
      if (ending.isFetchNextPageError) void ending.fetchNextPage();
      else for (const one of all) if (one.isError) void one.refetch();
    },
  };
}

/** How many reviews stand below a title: all that there are but those that stand further up. Of very many ("10000+") as it was said. */
export function totalOf(told: string | null, above: number): string {
  return told !== null && /^\d+$/.test(told) ? String(Number(told) - above) : (told ?? "");
}

/** Whether it is for this person to decide: nobody else holds it, and an approval of theirs is not waiting for others. */
export function isTurnOf(review: Review, subject: string): boolean {
  const { claimed_by: holder } = review;
  return (holder === null || holder === subject) && canApprove(review, subject);
}

/** The first review behind `patchId` that is still to be decided, from the top again at the end; null where there is none. */
export function nextAfter(reviews: readonly Review[], patchId: string | null, isDone: (review: Review) => boolean): Review | null {
  const at = reviews.findIndex((one) => one.patch_id === patchId);
  const around = [...reviews.slice(at + 1), ...reviews.slice(0, Math.max(0, at))];
  return around.find((one) => one.patch_id !== patchId && !isDone(one)) ?? null;
}
