/**
 * Who is at the keyboard, and for how long. The token is in memory only. A session that ends leaves the page as it is: what is being
 * written stays, and the person logs in again on top of it.
 */

import { Client, type Voucher } from "../api/client";
import type { Me } from "../api/types";
import type { Grant, Issuer } from "./grant";

const RENEW_BEFORE_MS = 30_000;
const RETRY_MS = 2_000;
const LEAST_MS = 500;
// A token that is refused so soon after it was renewed for that is not renewed again: it would be all the time.
const DOUBT_MS = 10_000;

export type State =
  | { readonly kind: "out"; readonly failure: string | null }
  | { readonly kind: "in"; readonly me: Me }
  | { readonly kind: "ended"; readonly me: Me };

export class Session implements Voucher {
  readonly client = new Client(this);
  private grant: Grant | null = null;
  private renewing: Promise<void> | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private wasRefused = false;
  private mendedAt = Number.NEGATIVE_INFINITY;
  private state: State = { kind: "out", failure: null };
  private readonly listeners = new Set<() => void>();

  constructor(private readonly issuer: Issuer) {}

  token(): string | null {
    return this.grant?.token ?? null;
  }

  /** The sidecar does not accept the token any more. */
  refused(): void {
    if (this.renewing === null && Date.now() - this.mendedAt < DOUBT_MS) {
      this.end();
      return;
    }
    this.wasRefused = true;
    void this.renewOrEnd();
  }

  readonly now = (): State => this.state;

  /** Tells of every new state, and of the same one anew where a token that was refused has been renewed. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Log in for the first time; leaves the page where there is a provider. */
  async signIn(person?: string): Promise<void> {
    await this.begin({ aside: false, fresh: false, ...(person === undefined ? {} : { person }) });
  }

  /** Log in again on top of what is on the screen. True if the same person came back with a new token. */
  async signInAgain(fresh = false): Promise<boolean> {
    const before = this.grant;
    await this.begin({ aside: true, fresh });
    return this.state.kind === "in" && this.grant !== before;
  }

  /**
   * Take what a login gave, once it is known whose it is. Of somebody else than who is working here it is not taken: nothing that one
   * person decided or wrote may go under another's name; the page begins anew. Raises Problem, Unreachable.
   */
  async accept(grant: Grant): Promise<void> {
    const candidate = new Client({ token: () => grant.token, refused: () => undefined });
    const { body: me } = await candidate.get<Me>("/hitl/me");
    if (this.state.kind !== "out" && this.state.me.subject !== me.subject) {
      this.drop();
      this.become({ kind: "out", failure: null });
      location.assign("/");
      return;
    }
    this.hold(grant);
    this.wasRefused = false;
    this.mendedAt = Number.NEGATIVE_INFINITY;
    this.become({ kind: "in", me });
  }

  /** A login that left the page and came back without success. */
  failed(failure: unknown): void {
    this.become({ kind: "out", failure: failure instanceof Error ? failure.message : String(failure) });
  }

  /** Forget the token, and log out at the provider as well; once: a second time would take the page elsewhere on its way there. */
  signOut(): void {
    if (this.state.kind === "out") return;
    const where = this.grant === null ? null : this.issuer.farewell(this.grant);
    this.drop();
    this.become({ kind: "out", failure: null });
    location.assign(where ?? "/");
  }

  private async begin(how: { readonly aside: boolean; readonly fresh: boolean; readonly person?: string }): Promise<void> {
    try {
      const grant = await this.issuer.signIn(how);
      if (grant !== null) await this.accept(grant);
    } catch (failure) {
      if (this.state.kind !== "out") throw failure;
      this.failed(failure);
    }
  }

  private hold(grant: Grant): void {
    this.grant = grant;
    clearTimeout(this.timer);
    const left = Math.max(0, grant.expiresAt - Date.now());
    // Of a token that lasts less than a minute half is used: none is renewed as soon as it is there.
    const wait = grant.refresh === null ? left : Math.max(left / 2, left - RENEW_BEFORE_MS);
    this.timer = setTimeout(() => void this.renewOrEnd(), Math.max(LEAST_MS, Math.min(wait, 2 ** 31 - 1)));
  }

  /** One at a time: a provider that is shown a refresh token twice may take all of them back. */
  private async renewOrEnd(): Promise<void> {
    this.renewing ??= this.renew().finally(() => {
      this.renewing = null;
    });
    await this.renewing;
  }

  private async renew(): Promise<void> {
    const held = this.grant;
    if (held === null) return;
    let next: Grant | null;
    try {
      next = await this.issuer.renew(held);
    } catch {
      // Nobody answered: the token that is there holds a little longer.
      if (Date.now() < held.expiresAt && this.grant === held) {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => void this.renewOrEnd(), RETRY_MS);
        return;
      }
      next = null;
    }
    if (this.grant !== held) return;
    if (next === null) {
      this.end();
      return;
    }
    this.hold(next);
    if (!this.wasRefused || this.state.kind !== "in") return;
    this.wasRefused = false;
    this.mendedAt = Date.now();
    this.become({ kind: "in", me: this.state.me });
  }

  private end(): void {
    this.drop();
    if (this.state.kind === "in") this.become({ kind: "ended", me: this.state.me });
  }

  private drop(): void {
    this.grant = null;
    clearTimeout(this.timer);
  }

  private become(state: State): void {
    this.state = state;
    for (const listener of this.listeners) listener();
  }
}
