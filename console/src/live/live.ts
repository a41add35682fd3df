/**
 * Hears what changes, as it happens: reconnects by itself, and goes on after the last cursor, so that nothing is missed in between.
 * Where that is not possible any more it says so, and everything is asked anew.
 */

import { WebSocket as Reconnecting } from "partysocket";

import type { Client } from "../api/client";
import type { Change, Ticket } from "../api/types";

const NOT_ALLOWED = 1008;
// So long a list waits for the first cursor, so that nothing happens between the two.
const PATIENCE_MS = 1_000;
const TICK_MS = 10_000;
// The sidecar says something every minute at least: a connection that was silent for longer, awake or asleep, may be none any more.
const SILENT_MS = 90_000;

export type Connection = "connecting" | "on" | "off";

export interface Listener {
  heard(change: Change): void;
  /** Changes were missed: what is shown may be old. */
  missed(): void;
}

export class Live {
  private socket: Reconnecting | null = null;
  private cursor: string | null = null;
  private hasGap = false;
  private begun = false;
  private isRenewing = false;
  private heardAt = 0;
  private readonly stops: (() => void)[] = [];
  private connection: Connection = "connecting";
  private readonly watchers = new Set<() => void>();

  constructor(
    private readonly client: Client,
    private readonly listener: Listener,
  ) {}

  readonly now = (): Connection => this.connection;

  /** Whether a list that is read from now on misses nothing, or waited long enough: then what it missed is told. */
  readonly hasBegun = (): boolean => this.begun;

  readonly subscribe = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  open(): void {
    this.socket = new Reconnecting(() => this.address(), undefined, {
      minReconnectionDelay: 500,
      maxReconnectionDelay: 10_000,
      connectionTimeout: 10_000,
    });
    this.watch();
    let told = 0;
    this.socket.addEventListener("open", () => {
      told = 0;
      this.heardAt = Date.now();
      this.become("on");
    });
    this.socket.addEventListener("close", ({ code }: CloseEvent) => {
      // Nobody has lost anything by a renewal: only where that does not succeed it is said.
      if (!this.isRenewing) this.become("connecting");
      // A login that ended closes it as well, and then the cursor is still good. One that is refused before it told anything is not.
      if (code === NOT_ALLOWED && told === 0 && this.cursor !== null) {
        this.cursor = null;
        this.hasGap = true;
      }
    });
    this.socket.addEventListener("error", () => {
      this.become(navigator.onLine ? "connecting" : "off");
    });
    this.socket.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
      const change = read(data);
      if (change === null) return;
      told += 1;
      this.heardAt = Date.now();
      const first = this.cursor === null;
      this.cursor = change.cursor;
      if (this.hasGap) {
        this.hasGap = false;
        this.listener.missed();
      }
      this.begin();
      // The first message of a connection only says where it begins.
      if (change.type === "queue_changed" && change.count === 0) return;
      if (!first || change.type !== "queue_changed") this.listener.heard(change);
    });
  }

  /** The machine slept, the network came back, somebody looks again: try at once, also where the connection only seems to be there. */
  wake(): void {
    if (this.connection !== "on" || this.isSilent()) this.renew();
  }

  close(): void {
    for (const stop of this.stops.splice(0)) stop();
    this.socket?.close();
    this.socket = null;
    this.become("off");
  }

  /** A dead connection says nothing, and a browser does not say that it is dead. A new one goes on after the last cursor. */
  private watch(): void {
    const ticking = setInterval(() => {
      if (this.connection === "on" && this.isSilent()) this.renew();
    }, TICK_MS);
    const waiting = setTimeout(() => {
      if (this.begun) return;
      this.hasGap = true;
      this.begin();
    }, PATIENCE_MS);
    this.stops.push(() => { clearInterval(ticking); }, () => { clearTimeout(waiting); });
  }

  private renew(): void {
    this.heardAt = Date.now();
    this.isRenewing = this.connection === "on";
    this.socket?.reconnect(); // which says at once that the one before is closed
    this.isRenewing = false;
  }

  private isSilent(): boolean {
    return Date.now() - this.heardAt > SILENT_MS;
  }

  private begin(): void {
    if (this.begun) return;
    this.begun = true;
    for (const watcher of this.watchers) watcher();
  }

  private async address(): Promise<string> {
    const { body } = await this.client.post<Ticket>("/hitl/live/ticket");
    const asked = new URLSearchParams({ ticket: body.ticket, ...(this.cursor === null ? {} : { cursor: this.cursor }) });
    return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/hitl/live?${asked.toString()}`;
  }

  private become(connection: Connection): void {
    if (this.connection === connection) return;
    this.connection = connection;
    for (const watcher of this.watchers) watcher();
  }
}

const KINDS: readonly unknown[] = ["review_opened", "review_changed", "decision_made", "claim_changed", "queue_changed"];

function read(data: unknown): Change | null {
  if (typeof data !== "string") return null;
  const told = JSON.parse(data) as Record<string, unknown>;
  return KINDS.includes(told["type"]) && typeof told["cursor"] === "string" ? (told as unknown as Change) : null;
}
