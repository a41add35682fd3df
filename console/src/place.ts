/** Where one is: a page and what its address says. The queue's view travels along to a card, so that Back and Next know it. */

import { useMemo } from "react";
import { useLocation, useSearchParams } from "wouter";

import { type View, read, write } from "./queue/view";

export const PLACES = { turn: "/", patch: "/patch", audit: "/audit", numbers: "/numbers" } as const;

export function useView(): readonly [View, (view: View) => void] {
  const [params, change] = useSearchParams();
  const view = useMemo(() => read(params), [params]);
  return [
    view,
    (next) => {
      change(write(next), { replace: true });
    },
  ];
}

/** The address of one patch, seen from a view of the queue. */
export function toPatch(patchId: string, view: View): string {
  const params = write(view);
  params.set("id", patchId);
  return `${PLACES.patch}?${params.toString()}`;
}

export function toQueue(view: View): string {
  const params = write(view).toString();
  return params === "" ? PLACES.turn : `${PLACES.turn}?${params}`;
}

/** How somebody came to a card whom the console brought there: from the one before it. */
export const BY_NEXT = "by next";

export function useGo(): (to: string, how?: typeof BY_NEXT) => void {
  const [, go] = useLocation();
  return (to, how) => {
    go(to, how === undefined ? {} : { state: how });
  };
}
