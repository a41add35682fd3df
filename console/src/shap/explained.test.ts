import { describe, expect, it } from "vitest";

import { explain, forces } from "./explained";

describe("an explanation", () => {
  it.each([[null], [undefined], [[1]], ["x"], [{}], [{ a: "1" }], [{ a: Number.NaN }]])("is none for %j", (values) => {
    expect(explain(values, null)).toBeNull();
  });

  it("ends where base and values add up to, the strongest first", () => {
    const found = explain({ small: 0.1, big: -0.4, same: 0.1 }, 0.5);
    expect(found?.parts.map(({ feature }) => feature)).toEqual(["big", "same", "small"]);
    expect(found?.end).toBeCloseTo(0.3);
  });

  it("of two hundred features shows twenty and the sum of the rest", () => {
    const found = explain(Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`f${String(at)}`, 1])), null);
    expect(found?.parts).toHaveLength(20);
    expect(found?.others).toEqual({ count: 180, value: 180 });
  });

  it("has forces that meet at its end and begin at its base", () => {
    const found = explain({ up: 0.4, more: 0.1, down: -0.3 }, 0.2);
    if (found === null) throw new Error("none");
    const segments = forces(found);
    const up = segments.filter(({ value }) => value > 0);
    const down = segments.filter(({ value }) => value < 0);
    expect(Math.max(...up.map(({ to }) => to))).toBeCloseTo(found.end);
    expect(Math.min(...down.map(({ from }) => from))).toBeCloseTo(found.end);
    for (const { from, to, value } of segments) expect(to - from).toBeCloseTo(Math.abs(value));
  });

  it("of nothing but zeros has no forces", () => {
    const found = explain({ a: 0, b: 0 }, null);
    expect(found === null ? null : forces(found)).toEqual([]);
  });
});
