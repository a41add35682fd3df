import { expect, it } from "vitest";

import type { Holding } from "../live/changes";
import { type Held, heldNow } from "./holding";

const READ_AT = 1_000;
const UNTIL = new Date(5_000).toISOString();
const nobody = { claimed_by: null, claimed_until: null };
const bob = { claimed_by: "bob", claimed_until: UNTIL };

it.each<[string, typeof nobody | typeof bob, Holding | undefined, number, Held | null]>([
  ["as it was read", bob, undefined, 2_000, { by: "bob", until: UNTIL }],
  ["nobody, once that is over", bob, undefined, 5_000, null],
  ["nobody", nobody, undefined, 2_000, null],
  ["who claimed it since", nobody, { by: "bob", at: 1_500 }, 2_000, { by: "bob", until: null }],
  ["nobody, where it was let go since", bob, { by: null, at: 1_500 }, 2_000, null],
  ["as it was read, whatever was told before", nobody, { by: "bob", at: 500 }, 2_000, null],
])("a patch is held by %s", (_, read, told, now, expected) => {
  expect(heldNow(read, READ_AT, told, now)).toEqual(expected);
});
