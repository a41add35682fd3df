import { expect, it } from "vitest";

import { comeBack, indexOf, leave, visit } from "./spot";

const reviews = ["a", "b", "c"].map((patch_id) => ({ patch_id }));

it.each([
  ["nowhere yet", null, -1],
  ["where it was", { patchId: "b", index: 1 }, 1],
  ["where its review has moved to", { patchId: "c", index: 0 }, 2],
  ["at what stands where its review was", { patchId: "gone", index: 1 }, 1],
  ["at the last, where the list has become shorter", { patchId: "gone", index: 7 }, 2],
])("a spot is %s", (_, spot, index) => {
  expect(indexOf(spot, reviews)).toBe(index);
});

it("of the list that was left last is found again, and of no other", () => {
  const gone = { view: "lane=mine", spot: { patchId: "b", index: 1 }, offset: 340 };
  leave(gone);
  expect(comeBack("lane=mine")).toEqual(gone);
  expect(comeBack("")).toBeNull();
  visit("c");
  expect(comeBack("lane=mine")).toEqual({ ...gone, spot: { patchId: "c", index: 1 } });
});
