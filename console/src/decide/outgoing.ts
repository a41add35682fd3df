/**
 * What a person decided and what has become of it. A decision waits ten seconds in which it can be taken back; leaving the page sends
 * it. Sent again with the same key it is done once, so that neither a lost answer nor a page that was loaded again is a reason to ask
 * the person.
 */

import { Problem, Unreachable, isPassing } from "../api/problem";
import type { Draft } from "./draft";

export const UNDO_MS = 10_000;
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 15_000;
// What is older is not asked about by a page that was loaded again: the answer may not be kept any more.
const RESUMED_MS = 600_000;

export type Action = "approve" | "reject" | "revoke" | "reopen";

/** One decision on one patch at the version that was seen. `typed` is what the person wrote, and comes back if it is refused. */
export interface Wish {
  readonly patchId: string;
  readonly version: string;
  readonly action: Action;
  readonly body: Readonly<Record<string, unknown>>;
  readonly typed: Draft;
}

export type Stage =
  | { readonly kind: "waiting"; readonly sendsAt: number }
  | { readonly kind: "sending" }
  | { readonly kind: "done"; readonly missing: number }
  | { readonly kind: "login_too_old" }
  /** The page was left before there was an answer; `sent` where it may have arrived. */
  | { readonly kind: "left"; readonly sent: boolean }
  | { readonly kind: "refused"; readonly problem: Problem | Unreachable };

/** It is on its way: nothing else is decided about its patch meanwhile. */
export function isUnderWay({ kind }: Stage): boolean {
  return kind === "waiting" || kind === "sending";
}

/** It was not done, or nobody knows: the patch is the person's again. */
export function isGivenBack({ kind }: Stage): boolean {
  return kind === "refused" || kind === "left";
}

export interface Outgoing {
  readonly key: string;
  readonly wish: Wish;
  readonly decidedAt: number;
  readonly stage: Stage;
}

/** What a page that is loaded again has to know of a decision that has no answer yet. */
export interface Kept extends Omit<Outgoing, "stage"> {
  /** Whether it may have arrived: it was sent, at the latest when the page was left. */
  readonly sent: boolean;
}

/** Where decisions without an answer are kept over a reload. */
export interface Memory {
  read(): readonly Kept[];
  write(unanswered: readonly Kept[]): void;
}

/** How a wish is sent; `leaving` when the page is being left. Raises Problem, Unreachable. */
export type Send = (wish: Wish, key: string, leaving: boolean) => Promise<{ readonly missing: number }>;

export interface Clock {
  now(): number;
  after(ms: number, run: () => void): () => void;
}

export const clock: Clock = {
  now: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => {
      clearTimeout(timer);
    };
  },
};

/** All decisions of this page, the newest last. */
export class Desk {
  private all: readonly Outgoing[] = [];
  private isClosed = false;
  private isPaused = false;
  private readonly timers = new Map<string, () => void>();
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly send: Send,
    private readonly settled: (wish: Wish, stage: Stage) => void,
    private readonly memory: Memory,
    private readonly time: Clock = clock,
    private readonly newKey: () => string = () => crypto.randomUUID(),
  ) {}

  readonly now = (): readonly Outgoing[] => this.all;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /**
   * Take over what a page before this one had no answer to. What was sent is sent again, with the same key: that finds out what became
   * of it. What was not sent never goes by itself, and what is long ago is left to the person: they are told.
   */
  resume(): void {
    const found = this.memory.read().map(({ sent, ...one }) => ({ ...one, stage: { kind: "left", sent } as const }));
    this.become(found);
    for (const { key, wish, decidedAt, stage } of found) {
      const age = this.time.now() - decidedAt;
      if (stage.sent && age >= 0 && age < RESUMED_MS) void this.dispatch(key, false);
      else this.settled(wish, stage);
    }
  }

  /** Decide; sent in ten seconds unless it is taken back. A patch has one decision under way at most. */
  decide(wish: Wish): void {
    if (this.all.some((one) => one.wish.patchId === wish.patchId && isUnderWay(one.stage))) return;
    const key = this.newKey();
    const kept = this.all.filter((one) => one.wish.patchId !== wish.patchId);
    const decidedAt = this.time.now();
    this.become([...kept, { key, wish, decidedAt, stage: { kind: "waiting", sendsAt: decidedAt + UNDO_MS } }]);
    this.wait(key, UNDO_MS, () => void this.dispatch(key, false));
  }

  /** Take back what is not sent yet: the wish, or null if it is too late. */
  undo(key: string): Wish | null {
    const found = this.find(key);
    if (found?.stage.kind !== "waiting") return null;
    this.dismiss(key);
    return found.wish;
  }

  /** The newest that can still be taken back. */
  undoable(): Outgoing | null {
    return this.all.findLast(({ stage }) => stage.kind === "waiting") ?? null;
  }

  /** Send at once what waits, or what waited for a fresh login. */
  sendNow(key: string): void {
    const stage = this.find(key)?.stage.kind;
    if (stage === "waiting" || stage === "login_too_old") void this.dispatch(key, false);
  }

  /** The page is being left: everything that waits goes now, and what has no answer yet once more, in a way that outlives the page. */
  leave(): void {
    for (const { key, stage } of this.all) if (isUnderWay(stage)) void this.dispatch(key, true);
  }

  /** Whether something would be lost if the page went away now: it has no answer yet, or needs the person first. */
  wouldLose(): boolean {
    if (this.isClosed) return false;
    return this.all.some(({ stage: { kind } }) => kind === "sending" || kind === "login_too_old" || (this.isPaused && kind === "waiting"));
  }

  /** The session ended: nothing is sent without a login, and nothing is taken for sent. */
  pause(): void {
    this.isPaused = true;
  }

  /** Somebody is logged in again: what was due meanwhile goes now. */
  goOn(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    for (const { key, stage } of this.all) {
      if (stage.kind === "sending" || (stage.kind === "waiting" && stage.sendsAt <= this.time.now())) void this.dispatch(key, false);
    }
  }

  /** Send everything that waits; true once nothing would be lost any more, false if that takes longer than `patienceMs`. */
  async flush(patienceMs: number): Promise<boolean> {
    for (const { key, stage } of this.all) if (stage.kind === "waiting") void this.dispatch(key, true);
    return await new Promise((resolve) => {
      const stop = this.time.after(patienceMs, () => {
        forget();
        resolve(false);
      });
      const look = (): void => {
        if (this.all.some(({ stage }) => stage.kind === "sending")) return;
        stop();
        forget();
        resolve(this.all.every(({ stage }) => stage.kind === "done" || isGivenBack(stage)));
      };
      const forget = this.subscribe(look);
      look();
    });
  }

  /** The person has gone: nothing is sent any more, nor kept, whatever is still answered. */
  close(): void {
    this.isClosed = true;
    for (const stop of this.timers.values()) stop();
    this.timers.clear();
  }

  /** The person has read what became of it. */
  dismiss(key: string): void {
    this.timers.get(key)?.();
    this.timers.delete(key);
    this.become(this.all.filter((one) => one.key !== key));
  }

  private isOver(): boolean {
    return this.isClosed;
  }

  private async dispatch(key: string, leaving: boolean, pause = RETRY_MS): Promise<void> {
    const found = this.find(key);
    if (found === undefined || this.isOver() || this.isPaused) return;
    this.timers.get(key)?.();
    this.move(key, { kind: "sending" });
    try {
      const { missing } = await this.send(found.wish, key, leaving);
      this.settle(key, found.wish, { kind: "done", missing });
    } catch (failure) {
      // Another sending of the same may have settled it meanwhile.
      if (this.isOver() || this.find(key)?.stage.kind !== "sending") return;
      if (!(failure instanceof Problem || failure instanceof Unreachable)) throw failure;
      if (isPassing(failure)) {
        const told = failure instanceof Problem && failure.retryAfterS !== null ? failure.retryAfterS * 1_000 : pause;
        this.wait(key, told, () => void this.dispatch(key, false, Math.min(pause * 2, RETRY_MAX_MS)));
      } else if (failure instanceof Problem && failure.kind === "login-too-old") {
        this.settle(key, found.wish, { kind: "login_too_old" });
      } else if (failure instanceof Problem && failure.status === 401) {
        // It is sent again with the token of a renewal, or of the next login.
        this.wait(key, pause, () => void this.dispatch(key, false, Math.min(pause * 2, RETRY_MAX_MS)));
      } else {
        this.settle(key, found.wish, { kind: "refused", problem: failure });
      }
    }
  }

  private settle(key: string, wish: Wish, stage: Stage): void {
    if (this.isOver() || this.find(key)?.stage.kind !== "sending") return; // another sending of the same has settled it
    this.move(key, stage);
    this.settled(wish, stage);
    if (stage.kind === "done") this.wait(key, UNDO_MS / 2, () => {
      this.dismiss(key);
    });
  }

  private wait(key: string, ms: number, run: () => void): void {
    this.timers.get(key)?.();
    this.timers.set(key, this.time.after(ms, run));
  }

  private find(key: string): Outgoing | undefined {
    return this.all.find((one) => one.key === key);
  }

  private move(key: string, stage: Stage): void {
    this.become(this.all.map((one) => (one.key === key ? { ...one, stage } : one)));
  }

  private become(all: readonly Outgoing[]): void {
    this.all = all;
    if (!this.isClosed) this.memory.write(all.flatMap(unanswered));
    for (const listener of this.listeners) listener();
  }
}

function unanswered({ stage, ...one }: Outgoing): readonly Kept[] {
  return stage.kind === "done" || stage.kind === "refused" ? [] : [{ ...one, sent: wasSent(stage) }];
}

function wasSent(stage: Stage): boolean {
  return stage.kind === "sending" || (stage.kind === "left" && stage.sent);
}
