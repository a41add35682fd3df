/** What was heard since the queue was read: what is decided already stays in its place and says so, what is new is only counted. */

import type { Change } from "../api/types";

export interface Decision {
  readonly decision: string;
  readonly by: string;
}

/** Who holds a review since when; null where nobody does any more. */
export interface Holding {
  readonly by: string | null;
  readonly at: number;
}

export interface Heard {
  /** How many reviews the queue that is shown does not have. */
  readonly fresh: number;
  readonly decided: ReadonlyMap<string, Decision>;
  /** The newest version that was told of a patch. */
  readonly versions: ReadonlyMap<string, string>;
  readonly holders: ReadonlyMap<string, Holding>;
  /** When something was told without its details, or not at all: any patch may have changed. */
  readonly blindAt: number;
}

const NOTHING: Heard = { fresh: 0, decided: new Map(), versions: new Map(), holders: new Map(), blindAt: 0 };
const KEPT_MAX = 5_000;

export class Changes {
  private heard: Heard = NOTHING;
  private readonly listeners = new Set<() => void>();

  readonly now = (): Heard => this.heard;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  hear(change: Change): void {
    const { fresh, decided, versions } = this.heard;
    switch (change.type) {
      case "review_opened":
        this.become({
          ...this.heard,
          fresh: fresh + 1,
          decided: without(decided, change.patch_id),
          versions: put(versions, change.patch_id, change.version),
        });
        return;
      case "review_changed":
        this.become({ ...this.heard, versions: put(versions, change.patch_id, change.version) });
        return;
      case "decision_made":
        this.become({
          ...this.heard,
          decided: put(decided, change.patch_id, { decision: change.decision, by: change.decided_by }),
          versions: put(versions, change.patch_id, change.version),
        });
        return;
      case "claim_changed":
        this.become({ ...this.heard, holders: put(this.heard.holders, change.patch_id, { by: change.claimed_by, at: Date.now() }) });
        return;
      case "queue_changed":
        this.become({ ...this.heard, fresh: fresh + change.count, blindAt: Date.now() });
    }
  }

  /** This person decided it. It is told as well, but not while the live connection is away. */
  decide(patchId: string, decision: Decision): void {
    this.become({ ...this.heard, decided: put(this.heard.decided, patchId, decision) });
  }

  /** This person claimed it or let it go: the answer to that says who holds it. */
  hold(patchId: string): void {
    this.become({ ...this.heard, holders: without(this.heard.holders, patchId) });
  }

  /** Something was not heard: what is decided and held is only known anew from the list. */
  miss(): void {
    this.become({ ...this.heard, fresh: this.heard.fresh + 1, blindAt: Date.now() });
  }

  /** The queue was read anew. */
  shown(): void {
    this.become({ ...this.heard, fresh: 0, decided: new Map() });
  }

  private become(heard: Heard): void {
    this.heard = heard;
    for (const listener of this.listeners) listener();
  }
}

function put<T>(map: ReadonlyMap<string, T>, key: string, value: T): ReadonlyMap<string, T> {
  const next = new Map(map);
  next.delete(key);
  next.set(key, value);
  const oldest = next.size > KEPT_MAX ? next.keys().next().value : undefined;
  if (oldest !== undefined) next.delete(oldest);
  return next;
}

function without<T>(map: ReadonlyMap<string, T>, key: string): ReadonlyMap<string, T> {
  if (!map.has(key)) return map;
  const next = new Map(map);
  next.delete(key);
  return next;
}
