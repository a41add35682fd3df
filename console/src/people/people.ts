/**
 * What people are called. What is recorded names them by the id that the provider gave them; names are looked up, many at a time, and
 * are for the eye only. Of whom nobody knows a name the id is shown.
 */

import type { Client } from "../api/client";
import { PEOPLE_MAX } from "../api/limits";
import { Problem, isPassing } from "../api/problem";
import type { Person } from "../api/types";
import { escaped } from "../design/hidden";

const GATHERED_MS = 25;
const AGAIN_MS = 10_000;

export type Names = ReadonlyMap<string, string>;

export class People {
  private names: Names = new Map();
  private readonly asked = new Set<string>(["policy"]);
  private wanted: string[] = [];
  private readonly listeners = new Set<() => void>();

  constructor(private readonly client: Pick<Client, "get">) {}

  readonly known = (): Names => this.names;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Look up whoever was not looked up yet. */
  want(subjects: readonly string[]): void {
    const missing = subjects.filter((subject) => !this.asked.has(subject));
    if (missing.length === 0) return;
    for (const subject of missing) this.asked.add(subject);
    if (this.wanted.length === 0) setTimeout(() => void this.ask(), GATHERED_MS);
    this.wanted.push(...new Set(missing));
  }

  private async ask(): Promise<void> {
    const subjects = this.wanted;
    this.wanted = [];
    for (let from = 0; from < subjects.length; from += PEOPLE_MAX) await this.lookUp(subjects.slice(from, from + PEOPLE_MAX));
  }

  private async lookUp(subjects: readonly string[]): Promise<void> {
    const query = new URLSearchParams(subjects.map((subject) => ["subject", subject]));
    try {
      const { body } = await this.client.get<Person[]>(`/hitl/people?${query.toString()}`);
      if (body.length === 0) return;
      this.names = new Map([...this.names, ...body.map((one) => [one.subject, shown(one)] as const)]);
      for (const listener of this.listeners) listener();
    } catch (failure) {
      // A session that ended comes back, mostly.
      const isOver = failure instanceof Problem && failure.status === 401;
      if (!isOver && !isPassing(failure)) return;
      // Ids are shown meanwhile.
      for (const subject of subjects) this.asked.delete(subject);
      setTimeout(() => { this.want(subjects); }, AGAIN_MS);
    }
  }
}

/** Nobody passes for another by taking their name: one that two have is shown with the id. */
function shown({ subject, name, shared }: Person): string {
  return shared ? `${escaped(name)} (${escaped(subject)})` : escaped(name);
}
