import { describe, expect, it } from "vitest";

import { countHidden, escaped, lookalikes } from "./hidden";

it.each([
  ["plain, with\ttab and\nline", "plain, with\ttab and\nline", 0],
  ["right\u202eto left\u202c", "right⟨U+202E⟩to left⟨U+202C⟩", 2],
  ["zero\u200bwidth\u2060\ufeff", "zero⟨U+200B⟩width⟨U+2060⟩⟨U+FEFF⟩", 3],
  ["isolate\u2066\u2069", "isolate⟨U+2066⟩⟨U+2069⟩", 2],
  ["bell\u0007 escape\u001b", "bell⟨U+0007⟩ escape⟨U+001B⟩", 2],
  ["tag\u{e0041}", "tag⟨U+E0041⟩", 1],
  ["# note\rimport os", "# note⟨U+000D⟩import os", 1],
  ["two\r\nlines\r", "two\r\nlines\r", 0],
  ["soft\u00adhyphen", "soft⟨U+00AD⟩hyphen", 1],
  ["äöü 漢字 עברית 🙂", "äöü 漢字 עברית 🙂", 0],
])("%j is shown as %j", (text, shown, count) => {
  expect(escaped(text)).toBe(shown);
  expect(countHidden(text)).toBe(count);
});

describe("words of letters that look alike", () => {
  it.each([
    ["if is\u0410dmin(user):", ["is⟨U+0410⟩dmin"]],
    ["p\u0430ypal = p\u0430ypal", ["p⟨U+0430⟩ypal"]],
    ["se\u03bfrch, \uff45xec", ["se⟨U+03BF⟩rch", "⟨U+FF45⟩xec"]],
    ["\u{1d5f0}url", ["⟨U+1D5F0⟩url"]],
    ["\u0430b\u034fc", ["⟨U+0430⟩b⟨U+034F⟩c"]],
    ["имя = name; user_имя", []],
    ["if \u0441\u043e\u0440\u0443(a):", ["⟨U+0441⟩⟨U+043E⟩⟨U+0440⟩⟨U+0443⟩"]],
    ["имя = \u0441\u043e\u0440\u0443", ["⟨U+0441⟩⟨U+043E⟩⟨U+0440⟩⟨U+0443⟩"]],
    ["x = \u0445 + \u039f\u039a", ["⟨U+0445⟩", "⟨U+039F⟩⟨U+039A⟩"]],
    ["# имя с \u0435\u0435 длиной, \u03bc", []],
    ["\uff45\uff58\uff45\uff43(a)", ["⟨U+FF45⟩⟨U+FF58⟩⟨U+FF45⟩⟨U+FF43⟩"]],
    ["größe, naïve, 5 \u00b5s", []],
  ])("%s", (text, words) => {
    expect(lookalikes(text)).toEqual(words);
  });
});
