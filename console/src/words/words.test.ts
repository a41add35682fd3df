import { describe, expect, it } from "vitest";

import { en } from "./en";
import { pt } from "./pt";
import { speech, utc } from "./words";

const holes = (text: string | readonly [string, string]): readonly string[] =>
  [...new Set([...[text].flat().join(" ").matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? ""))].sort();

describe("the words", () => {
  it("have the same holes in both languages", () => {
    for (const [key, text] of Object.entries(en)) expect([key, holes(pt[key as keyof typeof en])]).toEqual([key, holes(text)]);
  });

  it("choose one or many, and write numbers as the language does", () => {
    const english = speech("en", en);
    const portuguese = speech("pt", pt);
    expect(english.say("turn.count", { count: 1 })).toBe("1 review");
    expect(english.say("turn.count", { count: 12_345 })).toBe("12,345 reviews");
    expect(portuguese.say("turn.count", { count: 2 })).toBe("2 revisões");
  });

  it("never read a filling as words of their own", () => {
    expect(speech("en", en).say("decide.failed", { patch: "{reason}", reason: "x" })).toBe("{reason}: x");
  });

  it("say times as the reader reads them and as everybody does", () => {
    const english = speech("en", en);
    const now = Date.parse("2026-11-26T12:00:00Z");
    expect(english.relative("2026-11-26T15:30:00Z", now)).toBe("in 3 hours");
    expect(english.relative("2026-11-24T12:00:00Z", now)).toBe("2 days ago");
    const at = new Date(2026, 10, 26, 15, 30, 7).toISOString();
    expect(english.time(at)).not.toContain(":07");
    expect(english.second(at)).toContain(":30:07");
    expect(english.span(12)).toBe("12 sec");
    expect(english.span(0.061)).toBe("61 ms");
    expect(english.span(0)).toBe("0 sec");
    expect(english.span(3_600 * 3 + 60 * 20)).toBe("3 hr 20 min");
    expect(utc("2026-11-26T15:30:00.123+02:00")).toBe("2026-11-26 13:30:00");
  });
});
