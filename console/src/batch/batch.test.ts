import { expect, it, vi } from "vitest";

import type { Client } from "../api/client";
import type { Review } from "../api/types";
import { DAY_MS } from "../queue/deadline";
import { PLAIN } from "../queue/view";
import { collect } from "./batch";

const NOW = Date.parse("2026-11-26T00:00:00Z");

/** A review of ten days that ends in so many hours. */
function ending(hours: number): Review {
  const end = NOW + hours * 3_600_000;
  const term = { opened_at: new Date(end - 10 * DAY_MS).toISOString(), expires_at: new Date(end).toISOString() };
  return { patch_id: `in ${String(hours)} h`, version: '"1"', ...term } as Review;
}

function pages(...rows: readonly (readonly Review[])[]) {
  const get = vi.fn<(path: string) => Promise<unknown>>();
  rows.forEach((body, index) => get.mockResolvedValueOnce({ body, next: index + 1 < rows.length ? `/page ${String(index + 2)}` : null }));
  return { client: { get } as unknown as Client, get };
}

it.each([
  ["expiring", ["in 1 h", "in 2 h", "in 23 h"], 2],
  ["all", ["in 1 h", "in 2 h", "in 23 h", "in 30 h", "in 99 h"], 3],
] as const)("all of lane %s are %j", async (lane, expected, asked) => {
  vi.useFakeTimers({ now: NOW });
  const { client, get } = pages([ending(1), ending(2)], [ending(23), ending(30)], [ending(99)]);
  const found = await collect(client, { ...PLAIN, lane }, () => undefined);
  expect(found.map(({ patch_id: id }) => id)).toEqual(expected);
  expect(get).toHaveBeenCalledTimes(asked);
  vi.useRealTimers();
});
