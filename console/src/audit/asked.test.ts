import { expect, it } from "vitest";

import { asked } from "./asked";
import { daysOf } from "../numbers/days";

it("days are the reader's own, and the last one is part of the range", () => {
  const found = asked(new URLSearchParams("since=2026-11-01&until=2026-11-30&actor=%20alice%20&action=&evil=1"));
  expect(Object.fromEntries(found)).toEqual({
    actor: "alice",
    since: new Date(2026, 10, 1).toISOString(),
    until: new Date(2026, 11, 1).toISOString(),
  });
  expect(asked(new URLSearchParams("since=yesterday")).size).toBe(0);
});

it("a range of days ends with today", () => {
  expect(daysOf("7", Date.parse("2026-11-26T23:59:59Z"))).toEqual({ since: "2026-11-20", until: "2026-11-27" });
});
