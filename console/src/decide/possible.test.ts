import { expect, it } from "vitest";

import type { Detail } from "../api/types";
import { type Possible, possible } from "./possible";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const LATER = "2026-11-26T12:10:00Z";
const EARLIER = "2026-11-26T11:50:00Z";

const detail = (said: Partial<Detail>): Detail =>
  ({ state: "pending", own: false, approvals: [], approvals_required: 1, claimed_by: null, claimed_until: null, glass_broken_by: null, patch: { patch_digest: "sha256:1" }, ...said }) as Detail;

const REVIEWER = { subject: "alice", isReviewer: true, mayBreakGlass: false };
const GLASS = { ...REVIEWER, mayBreakGlass: true };
const VIEWER = { ...REVIEWER, isReviewer: false };

it.each<[string, Partial<Detail>, typeof REVIEWER, readonly (keyof Possible)[]]>([
  ["what waits", {}, REVIEWER, ["approve", "reject", "comment", "claim"]],
  ["what waits, read by a viewer", {}, VIEWER, []],
  ["one's own", { own: true }, GLASS, ["reject", "comment", "claim"]],
  ["what one approved already", { approvals: ["alice"], approvals_required: 2 }, REVIEWER, ["reject", "comment", "claim", "isOneOfSeveral"]],
  ["what one approved, and one approval has become enough", { approvals: ["alice"] }, REVIEWER, ["approve", "reject", "comment", "claim"]],
  ["what has no diff", { patch: { patch_digest: null } as Detail["patch"] }, GLASS, ["reject", "comment", "claim"]],
  ["what one holds", { claimed_by: "alice", claimed_until: LATER }, REVIEWER, ["approve", "reject", "comment", "release"]],
  ["what another holds", { claimed_by: "bob", claimed_until: LATER }, GLASS, ["approve", "reject", "breakGlass", "comment", "takeover"]],
  ["what another held", { claimed_by: "bob", claimed_until: EARLIER }, REVIEWER, ["approve", "reject", "comment", "claim"]],
  ["what is approved", { state: "approved" }, GLASS, ["comment", "revoke"]],
  ["what somebody broke the glass for", { state: "approved", glass_broken_by: "carol" }, REVIEWER, ["comment", "revoke", "reviewGlass"]],
  ["what one broke the glass for oneself", { state: "approved", glass_broken_by: "alice" }, REVIEWER, ["comment", "revoke"]],
  ["what is expired", { state: "expired" }, REVIEWER, ["comment", "reopen"]],
  ["what is rejected", { state: "rejected" }, GLASS, ["comment"]],
])("with %s", (_, said, person, expected) => {
  const can = possible(detail(said), person, NOW);
  const found = (Object.keys(can) as (keyof Possible)[]).filter((name) => can[name]);
  expect(found).toEqual(expected);
});
