/** Many reviews decided together: found page by page, sent in portions, each with its own key and its own answer. */

import type { Client } from "../api/client";
import { BATCH_MAX, PAGE_MAX } from "../api/limits";
import type { BatchAnswer, ItemAnswer, Review } from "../api/types";
import type { Preset } from "../decide/presets";
import { closeOnes } from "../queue/deadline";
import { PARTS, type View, question } from "../queue/view";

export const TAKEN_MAX = 5_000;

export interface Item {
  readonly patch_id: string;
  readonly version: string;
}

export interface Order {
  readonly action: "approve" | "reject";
  readonly text: string;
  readonly presets: readonly Preset[];
}

export const UNWRITTEN: Order = { action: "reject", text: "", presets: [] };

/** All reviews that the last part of a view holds, at the versions that they have now; at most TAKEN_MAX. Raises Problem, Unreachable. */
export async function collect(client: Client, view: View, progress: (found: number) => void): Promise<readonly Item[]> {
  const part = PARTS[view.lane].at(-1) ?? "waiting";
  const items: Item[] = [];
  let next: string | null = `/hitl/patches/pending?${question(view, part, PAGE_MAX).toString()}`;
  while (next !== null && items.length < TAKEN_MAX) {
    const page: { readonly body: readonly Review[]; readonly next: string | null } = await client.get<Review[]>(next);
    // What is about to expire the API does not know: it answers with all, in the order of their deadlines.
    const { close, goesOn } = part === "expiring" ? closeOnes(page.body, Date.now()) : { close: page.body, goesOn: true };
    items.push(...close.map(itemOf));
    progress(items.length);
    next = goesOn ? page.next : null;
  }
  return items.slice(0, TAKEN_MAX);
}

export function itemOf({ patch_id, version }: Review): Item {
  return { patch_id, version };
}

/** One key for each portion: with the same ones it can be asked again, and is done once. */
export function keysFor(items: readonly Item[]): readonly string[] {
  return Array.from({ length: Math.ceil(items.length / BATCH_MAX) }, () => crypto.randomUUID());
}

/** What becomes, or without `keys` would become, of each; in the order of the items. Raises Problem, Unreachable. */
export async function act(
  client: Client,
  items: readonly Item[],
  { action, text, presets }: Order,
  keys: readonly string[] | null,
  progress: (done: readonly ItemAnswer[]) => void,
): Promise<readonly ItemAnswer[]> {
  const done: ItemAnswer[] = [];
  for (let from = 0; from < items.length; from += BATCH_MAX) {
    const said = action === "reject" ? { reason: text, presets } : text.trim() === "" ? {} : { comment: text };
    const key = keys?.[from / BATCH_MAX];
    const body = { action, dry_run: key === undefined, items: items.slice(from, from + BATCH_MAX), ...said };
    const answer = await client.post<BatchAnswer>("/hitl/patches/batch", { body, ...(key === undefined ? {} : { key }) });
    done.push(...answer.body.results);
    progress([...done]);
  }
  return done;
}

export function isSkipped({ outcome }: ItemAnswer): boolean {
  return outcome === "skipped";
}
