import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Keyboard } from "./keys";

class Thing {
  constructor(
    private readonly tag: string,
    readonly isContentEditable = false,
  ) {}

  matches(selector: string): boolean {
    return selector.split(",").some((one) => one.startsWith(this.tag));
  }

  closest(selector: string): Thing | null {
    return selector.split(",").includes(this.tag) ? this : null;
  }
}

let dialog: Thing | null = null;
let now = 0;

beforeEach(() => {
  dialog = null;
  now = 0;
  vi.stubGlobal("HTMLElement", Thing);
  vi.stubGlobal("Element", Thing);
  vi.stubGlobal("document", { querySelector: () => dialog });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

function keyboard(on = true) {
  const made = new Keyboard(on, () => now);
  const ran: string[] = [];
  const bind = (...keys: string[]) => made.bind(keys.map((one) => ({ keys: one, what: one, run: () => ran.push(one) })));
  const press = (key: string, more: Partial<KeyboardEvent> = {}) => made.press({ key, target: new Thing("body"), ...more } as KeyboardEvent);
  return { made, ran, bind, press };
}

describe("keys", () => {
  it("do what they are bound to, the last binding before those below it", () => {
    const { made, ran, press, bind } = keyboard();
    bind("a");
    const away = made.bind([{ keys: "a", what: "a", run: () => ran.push("above") }]);
    press("a");
    away();
    press("a");
    expect(ran).toEqual(["above", "a"]);
  });

  it.each([
    ["a box", { target: new Thing("input") as unknown as EventTarget }],
    ["a text", { target: new Thing("textarea") as unknown as EventTarget }],
    ["what is edited", { target: new Thing("div", true) as unknown as EventTarget }],
    ["an input method", { isComposing: true }],
    ["a chord", { ctrlKey: true }],
    ["a key that is held down", { repeat: true }],
  ])("do nothing in %s", (_, more) => {
    const { ran, press, bind } = keyboard();
    bind("a");
    expect(press("a", more)).toBe(false);
    expect(ran).toEqual([]);
  });

  it("do nothing below a dialog, nor switched off", () => {
    const { made, ran, press, bind } = keyboard();
    bind("a");
    dialog = new Thing("section");
    press("a");
    dialog = null;
    made.switch(false);
    press("a");
    expect(ran).toEqual([]);
  });

  it.each(["Escape", "a"])("that close a dialog (%s) do nothing below it", (key) => {
    const { made, ran, bind } = keyboard();
    bind(key);
    const event = { key, target: new Thing("button") } as unknown as KeyboardEvent;
    dialog = new Thing("section");
    made.begin(event);
    dialog = null; // it heard the key, and is gone
    expect(made.press(event)).toBe(false);
    const next = { key, target: event.target } as KeyboardEvent;
    made.begin(next);
    expect(made.press(next)).toBe(true);
    expect(ran).toEqual([key]);
  });

  it.each([
    ["a button", new Thing("button")],
    ["a link", new Thing("a")],
    ["a check box", Object.assign(new Thing("input"), { matches: () => false })],
  ])("leave Enter to what has the focus: %s", (_, target) => {
    const { press, bind, ran } = keyboard();
    bind("Enter");
    expect(press("Enter", { target: target as unknown as EventTarget })).toBe(false);
    expect(press("Enter")).toBe(true);
    expect(ran).toEqual(["Enter"]);
  });

  it("two in a row mean only both: a slip does not do what the second does alone", () => {
    const { press, bind, ran } = keyboard();
    bind("a", "g t");
    press("g");
    press("a");
    expect(ran).toEqual([]);
    press("g");
    press("t");
    expect(ran).toEqual(["g t"]);
    press("g");
    now = 5_000;
    press("a");
    expect(ran).toEqual(["g t", "a"]);
  });
});
