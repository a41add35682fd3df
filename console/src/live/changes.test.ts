import { expect, it, vi } from "vitest";

import { Changes } from "./changes";

it("where details were left out any patch may have changed", () => {
  vi.useFakeTimers({ now: 1_000 });
  const changes = new Changes();
  changes.hear({ type: "review_changed", cursor: "1", patch_id: "p-1", version: '"2"' });
  expect(changes.now().blindAt).toBe(0);
  changes.hear({ type: "queue_changed", cursor: "2", count: 3 });
  expect(changes.now()).toMatchObject({ fresh: 3, blindAt: 1_000 });
  vi.setSystemTime(2_000);
  changes.miss();
  expect(changes.now()).toMatchObject({ fresh: 4, blindAt: 2_000 });
  changes.shown(); // the list: a card that is open is as old as before
  expect(changes.now()).toMatchObject({ fresh: 0, blindAt: 2_000 });
  vi.useRealTimers();
});

it("who holds a review is remembered, until this person's own claim was answered", () => {
  vi.useFakeTimers({ now: 1_000 });
  const changes = new Changes();
  changes.hear({ type: "claim_changed", cursor: "1", patch_id: "p-1", claimed_by: "bob" });
  changes.shown(); // the list: a card that is open is as old as before
  expect(changes.now().holders.get("p-1")).toEqual({ by: "bob", at: 1_000 });
  changes.hear({ type: "claim_changed", cursor: "2", patch_id: "p-1", claimed_by: null });
  expect(changes.now()).toMatchObject({ fresh: 0, holders: new Map([["p-1", { by: null, at: 1_000 }]]) });
  changes.hold("p-1");
  expect(changes.now().holders.size).toBe(0);
  vi.useRealTimers();
});

it("what this person decided is marked as what others did", () => {
  const changes = new Changes();
  changes.decide("p-1", { decision: "approved", by: "alice" });
  expect(changes.now().decided.get("p-1")).toEqual({ decision: "approved", by: "alice" });
});
