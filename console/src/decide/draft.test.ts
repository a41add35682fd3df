import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { type Draft, EMPTY, arrived, forgetOthers, keep, keyOf, memory, read, settle } from "./draft";
import type { Stage, Wish } from "./outgoing";

const TYPED: Draft = { text: "", presets: ["incomplete_fix"] };
const NEWER: Draft = { text: "it opens a race", presets: [] };
const WISH: Wish = { patchId: "p-1", version: '"1"', action: "reject", body: {}, typed: TYPED };

/** A tab's storage: its entries are its own properties, as in a browser. */
class Storage {
  [key: string]: unknown;

  getItem(key: string): unknown {
    return Object.hasOwn(this, key) ? this[key] : null;
  }

  setItem(key: string, value: string): void {
    this[key] = value;
  }

  removeItem(key: string): void {
    Reflect.deleteProperty(this, key);
  }
}

beforeEach(() => {
  vi.stubGlobal("sessionStorage", new Storage());
});

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("what was written", () => {
  it.each<[Stage["kind"], Stage, Draft]>([
    ["refused", { kind: "refused", problem: new Error() as never }, TYPED],
    ["login_too_old", { kind: "login_too_old" }, TYPED],
    ["done", { kind: "done", missing: 0 }, EMPTY],
  ])("for a decision that is %s is given back or gone, presets among it", (_, stage, expected) => {
    keep("alice", "p-1", "reject", NEWER);
    settle("alice", WISH, stage);
    expect(read("alice", "p-1", "reject")).toEqual(expected);
  });

  it("for a decision that a page left is given back, and never instead of what is newer", () => {
    settle("alice", WISH, { kind: "left", sent: false });
    expect(read("alice", "p-1", "reject")).toEqual(TYPED);
    keep("alice", "p-1", "reject", NEWER);
    settle("alice", WISH, { kind: "left", sent: false });
    expect(read("alice", "p-1", "reject")).toEqual(NEWER);
  });

  it("as a comment is none of the review of a broken glass, whatever the words", () => {
    const key = keyOf("alice", "p-1", "comment", "right");
    expect(keyOf("alice", "p-1", "comment", "right")).toBe(key);
    expect(keyOf("alice", "p-1", "glass_review", "right")).not.toBe(key);
    keep("alice", "p-1", "comment", NEWER);
    arrived("alice", "p-1", "glass_review", "right");
    expect(read("alice", "p-1", "comment")).toEqual(NEWER);
    expect(keyOf("alice", "p-1", "comment", "right")).toBe(key);
    arrived("alice", "p-1", "comment", "right");
    expect(read("alice", "p-1", "comment")).toEqual(EMPTY);
    expect(keyOf("alice", "p-1", "comment", "right")).not.toBe(key);
  });

  it.each(["it opens a race", '"quoted"', "42", "null", '{"text":1}'])("by a console before this one is the text alone: %s", (kept) => {
    sessionStorage.setItem('hitl.draft.["alice","p-1","reject"]', kept);
    expect(read("alice", "p-1", "reject")).toEqual({ text: kept, presets: [] });
  });

  it("and decided in a tab that a console before this one kept is found again", () => {
    const one = { key: "k", wish: { ...WISH, typed: "it opens a race" }, decidedAt: 0, sent: true };
    sessionStorage.setItem('hitl.draft.["alice"]', JSON.stringify([one]));
    expect(memory("alice").read()).toEqual([{ ...one, wish: { ...WISH, typed: NEWER } }]);
    memory("alice").write([{ ...one, wish: WISH }]);
    expect(memory("alice").read()).toEqual([{ ...one, wish: WISH }]);
    sessionStorage.setItem('hitl.draft.["alice"]', "no list");
    expect(memory("alice").read()).toEqual([]);
  });

  it("is one person's own", () => {
    keep("alice", "p-1", "reject", TYPED);
    forgetOthers("alice");
    expect(read("alice", "p-1", "reject")).toEqual(TYPED);
    forgetOthers("bob");
    expect(read("alice", "p-1", "reject")).toEqual(EMPTY);
  });
});
