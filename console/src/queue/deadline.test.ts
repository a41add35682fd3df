import { describe, expect, it } from "vitest";

import { DAY_MS, isClose } from "./deadline";

const OPENED = Date.parse("2026-11-26T00:00:00Z");
const lasting = (days: number) => ({ opened_at: new Date(OPENED).toISOString(), expires_at: new Date(OPENED + days * DAY_MS).toISOString() });

describe("a review", () => {
  it.each([
    [1, 0.49, false],
    [1, 0.51, true],
    [14, 12.9, false],
    [14, 13.1, true],
    [14, 15, true],
  ])("of %s days is close after %s: %s", (days, passed, close) => {
    expect(isClose(lasting(days), OPENED + passed * DAY_MS)).toBe(close);
  });
});
