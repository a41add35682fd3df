import { describe, expect, it } from "vitest";

import type { Review } from "../api/types";
import { between } from "./selection";
import { isTurnOf, nextAfter, totalOf } from "./use-queue";

const reviews = ["a", "b", "c", "d"].map((patch_id) => ({ patch_id }) as Review);
const none = (): boolean => false;

describe("what comes next", () => {
  it.each([
    ["a", "b"],
    ["d", "a"],
    [null, "a"],
    ["gone", "a"],
  ])("after %s is %s", (after, expected) => {
    expect(nextAfter(reviews, after, none)?.patch_id).toBe(expected);
  });

  it("is never what is decided already, nor the same again", () => {
    expect(nextAfter(reviews, "a", ({ patch_id: id }) => id !== "d")?.patch_id).toBe("d");
    expect(nextAfter(reviews.slice(0, 1), "a", none)).toBeNull();
    expect(nextAfter(reviews, "a", () => true)).toBeNull();
  });
});

it.each([
  ["6", 1, "5"],
  ["6", 0, "6"],
  ["10000+", 3, "10000+"],
  [null, 2, ""],
])("of %s reviews, %s of which stand further up, %j stand below the title", (told, above, expected) => {
  expect(totalOf(told, above)).toBe(expected);
});

it.each([
  [null, "c", ["c"]],
  ["b", "d", ["b", "c", "d"]],
  ["d", "b", ["b", "c", "d"]],
  ["gone", "b", ["b"]],
] as const)("from %s to %s are %j", (one, other, expected) => {
  expect(between(["a", "b", "c", "d"], one, other)).toEqual(expected);
});

it.each([
  [null, [], true],
  ["alice", [], true],
  ["bob", [], false],
  [null, ["bob"], true],
  [null, ["alice"], false],
  [null, ["bob", "alice"], true],
  ["bob", ["bob", "alice"], false],
])("a review that %s holds, that %j approved and that two must, is alice's turn: %s", (holder, approvals, expected) => {
  expect(isTurnOf({ claimed_by: holder, approvals, approvals_required: 2 } as Review, "alice")).toBe(expected);
});
