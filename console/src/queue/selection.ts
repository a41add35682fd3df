/** Which reviews are chosen to be decided together: one by one, a range, or all that pass the filters. */

import { useRef, useState } from "react";

import type { Review } from "../api/types";

export interface Selection {
  readonly ids: ReadonlySet<string>;
  /** All that pass the filters, and not only those that were chosen. */
  readonly isEverything: boolean;
  readonly toggle: (patchId: string) => void;
  /** All between the one that was switched last and this one. */
  readonly extend: (patchId: string) => void;
  readonly everything: (all: boolean) => void;
  readonly clear: () => void;
}

export function useSelection(reviews: readonly Review[]): Selection {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const [isEverything, setEverything] = useState(false);
  const last = useRef<string | null>(null);
  return {
    ids,
    isEverything,
    toggle: (patchId) => {
      last.current = patchId;
      setIds((had) => {
        const next = new Set(had);
        if (!next.delete(patchId)) next.add(patchId);
        return next;
      });
    },
    extend: (patchId) => {
      const order = reviews.map((one) => one.patch_id);
      setIds((had) => new Set([...had, ...between(order, last.current, patchId)]));
      last.current = patchId;
    },
    everything: setEverything,
    clear: () => {
      setIds(new Set());
      setEverything(false);
    },
  };
}

/** The ids from one to the other, whichever comes first; only the second where the first is not there. */
export function between(order: readonly string[], one: string | null, other: string): readonly string[] {
  const from = one === null ? -1 : order.indexOf(one);
  const to = order.indexOf(other);
  if (from === -1 || to === -1) return [other];
  return order.slice(Math.min(from, to), Math.max(from, to) + 1);
}
