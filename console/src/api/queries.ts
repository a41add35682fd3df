/** What is asked of the sidecar, each with the name under which its answer is kept. */

import { type InfiniteData, QueryClient, infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import { closeOnes } from "../queue/deadline";
import { type Part, type View, counted, question } from "../queue/view";
import { type Answer, type Client, ofPatch } from "./client";
import { PAGE_MAX } from "./limits";
import { isPassing } from "./problem";
import type { AuditEntry, Detail, Facets, Result, Review, RoundArtefact, Summary, Timeline } from "./types";

export const PAGE = 100;
const SHORT = 50;

export interface Page<T> {
  readonly rows: readonly T[];
  readonly next: string | null;
  readonly total: string | null;
}

/** Ask again what can pass, twice; the rest is shown at once. */
export function cache(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        retry: (failures, failure) => failures < 2 && isPassing(failure),
        retryDelay: (failures) => 500 * 2 ** failures,
        refetchOnWindowFocus: false,
        staleTime: 5_000,
        // What cannot be reached is shown as such, and asked again; the browser's own idea of being online is not needed.
        networkMode: "always",
      },
      mutations: { networkMode: "always" },
    },
  });
}

export const keys = {
  queue: ["queue"] as const,
  part: (view: View, part: Part) => ["queue", part, question(view, part, PAGE).toString()] as const,
  facets: (view: View) => ["facets", counted(view).toString()] as const,
  patch: (patchId: string) => ["patch", patchId] as const,
  audit: (filters: string) => ["audit", filters] as const,
  summary: (since: string, until: string) => ["summary", since, until] as const,
  timeline: (since: string, until: string) => ["timeline", since, until] as const,
};

/** One part of the queue: the last one of a lane goes on for as long as somebody scrolls. */
export function part(client: Client, view: View, which: Part, isLast: boolean) {
  return infiniteQueryOptions({
    queryKey: keys.part(view, which),
    queryFn: async ({ pageParam, signal }): Promise<Page<Review>> => {
      const path = pageParam ?? `/hitl/patches/pending?${question(view, which, isLast ? PAGE : SHORT).toString()}`;
      const found = page(await client.get<Review[]>(path, signal));
      return which === "expiring" ? onlyClose(found, Date.now()) : found;
    },
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => next,
    // It is read anew when the reader wants it: all of its pages would be asked for again, and the list would move. What is new is told.
    staleTime: Infinity,
    refetchOnMount: false,
  });
}

export function facets(client: Client, view: View) {
  return queryOptions({
    queryKey: keys.facets(view),
    queryFn: async ({ signal }) => (await client.get<Facets>(`/hitl/queue/facets?${counted(view).toString()}`, signal)).body,
    staleTime: 30_000,
  });
}

/** How many reviews a lane holds, as the API says it; null where it does not know. Asked anew whenever the lanes come to be seen. */
export function held(client: Client, view: View) {
  return queryOptions({
    queryKey: ["facets", "lane", counted(view).toString()] as const,
    queryFn: async ({ signal }) => {
      const asked = counted(view);
      asked.set("limit", "1");
      return (await client.get<Review[]>(`/hitl/patches/pending?${asked.toString()}`, signal)).total;
    },
    staleTime: 0,
  });
}

/** One patch. Not asked again by itself: what is being read must not change under the reader's eyes; and never ahead: a look is recorded. */
export function patch(client: Client, patchId: string) {
  return queryOptions({
    queryKey: keys.patch(patchId),
    queryFn: async ({ signal }): Promise<Detail> => (await client.get<Detail>(ofPatch(patchId), signal)).body,
    staleTime: Infinity,
    gcTime: 0,
  });
}

/** What an earlier round was about: it changes no more. */
export function artefact(client: Client, patchId: string, round: number) {
  return queryOptions({
    queryKey: ["artefact", patchId, round] as const,
    queryFn: async ({ signal }) => (await client.get<RoundArtefact>(ofPatch(patchId, "artefact", { round: String(round) }), signal)).body,
    staleTime: Infinity,
  });
}

export function moreResults(client: Client, patchId: string, round: number) {
  return infiniteQueryOptions({
    queryKey: [...keys.patch(patchId), "results", round],
    queryFn: async ({ pageParam, signal }): Promise<Page<Result>> =>
      page(await client.get<Result[]>(pageParam ?? ofPatch(patchId, "results", { round: String(round), limit: String(PAGE_MAX) }), signal)),
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => next,
  });
}

export function audit(client: Client, filters: string) {
  return infiniteQueryOptions({
    queryKey: keys.audit(filters),
    queryFn: async ({ pageParam, signal }): Promise<Page<AuditEntry>> =>
      page(await client.get<AuditEntry[]>(pageParam ?? `/hitl/audit?limit=${String(PAGE)}${filters === "" ? "" : `&${filters}`}`, signal)),
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => next,
  });
}

export function summary(client: Client, since: string, until: string) {
  return queryOptions({
    queryKey: keys.summary(since, until),
    queryFn: async ({ signal }) =>
      (await client.get<Summary>(`/hitl/analytics/summary?${new URLSearchParams({ since, until }).toString()}`, signal)).body,
  });
}

export function timeline(client: Client, since: string, until: string) {
  return queryOptions({
    queryKey: keys.timeline(since, until),
    queryFn: async ({ signal }) =>
      (await client.get<Timeline>(`/hitl/analytics/timeline?${new URLSearchParams({ since, until }).toString()}`, signal)).body,
  });
}

/** Ask again what could not be asked while nobody was logged in. A list that is read goes on where it stopped, and is not read anew. */
export async function recover(cached: QueryClient): Promise<void> {
  await cached.refetchQueries({
    type: "active",
    predicate: ({ state, queryKey: [what] }) => state.status === "error" && (state.data === undefined || what !== keys.queue[0]),
  });
}

/** Change the card of a patch by what this person did to it; it stays as old as it is. */
export function amendCard(cached: QueryClient, patchId: string, change: (detail: Detail) => Detail): void {
  const key = keys.patch(patchId);
  const state = cached.getQueryState<Detail>(key);
  if (state?.data !== undefined) cached.setQueryData<Detail>(key, change(state.data), { updatedAt: state.dataUpdatedAt });
}

/** Change a review wherever it stands in a list that was read, without moving anything. */
export function amend(cached: QueryClient, patchId: string, change: (review: Review) => Review): void {
  cached.setQueriesData<InfiniteData<Page<Review>, string | null>>({ queryKey: keys.queue }, (data) => {
    if (data === undefined || !data.pages.some(({ rows }) => rows.some((row) => row.patch_id === patchId))) return data;
    return {
      ...data,
      pages: data.pages.map((one) => ({ ...one, rows: one.rows.map((row) => (row.patch_id === patchId ? change(row) : row)) })),
    };
  });
}

/** Those of a page that are about to expire. How many there are on all pages the API does not know: "50+" where there can be more. */
export function onlyClose({ rows, next }: Page<Review>, nowMs: number): Page<Review> {
  const { close, goesOn } = closeOnes(rows, nowMs);
  const hasMore = goesOn && next !== null;
  return { rows: close, next: hasMore ? next : null, total: `${String(close.length)}${hasMore ? "+" : ""}` };
}

function page<T>({ body, next, total }: Answer<T[]>): Page<T> {
  return { rows: body, next, total };
}
