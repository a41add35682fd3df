import { expect, it } from "vitest";

import { DAY_MS } from "../queue/deadline";
import { onlyClose } from "./queries";
import type { Review } from "./types";

const ending = (days: number): Review =>
  ({ opened_at: new Date(-10 * DAY_MS).toISOString(), expires_at: new Date(days * DAY_MS).toISOString() }) as Review;

it.each([
  [[0.1, 0.2], "/more", [2, "/more", "2+"]],
  [[0.1, 0.2], null, [2, null, "2"]],
  [[0.1, 5], "/more", [1, null, "1"]],
  [[5, 6], "/more", [0, null, "0"]],
] as const)("of reviews that end in %j days, and %s behind them, those about to expire are counted: %j", (days, next, expected) => {
  const found = onlyClose({ rows: days.map(ending), next, total: "9000" }, 0);
  expect([found.rows.length, found.next, found.total]).toEqual(expected);
});
