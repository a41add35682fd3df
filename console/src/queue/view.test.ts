import { describe, expect, it } from "vitest";

import { PLAIN, counted, question, read, toggle, write } from "./view";

describe("a view", () => {
  it.each(["", "lane=mine", "severity=critical&severity=high&q=log4j", "sort=age&confidence_min=0.5&confidence_max=0.95", "package=a%2Fb+c"])(
    "is the link that it was read from: %s",
    (link) => {
      expect(new Set(write(read(new URLSearchParams(link)))).size).toBe(new Set(new URLSearchParams(link)).size);
      expect(read(write(read(new URLSearchParams(link))))).toEqual(read(new URLSearchParams(link)));
    },
  );

  it("leaves out what is not known", () => {
    expect(read(new URLSearchParams("lane=x&sort=y&confidence_min=7&evil=1&severity="))).toEqual(PLAIN);
  });

  it("switches one value of a filter and keeps the others", () => {
    const both = toggle(toggle(PLAIN, "severity", "high"), "severity", "low");
    expect(both.filters).toEqual({ severity: ["high", "low"] });
    expect(toggle(toggle(both, "severity", "high"), "severity", "low")).toEqual(PLAIN);
  });

  it.each([
    ["turn", "mine", "sort=risk&claimed=me"],
    ["turn", "second", "sort=risk&needs=me&turn=me"],
    ["turn", "expiring", "sort=deadline&turn=me"],
    ["turn", "waiting", "sort=risk&turn=me"],
    ["second", "second", "sort=risk&needs=me"],
    ["expiring", "expiring", "sort=deadline"],
    ["all", "waiting", "sort=risk"],
  ] as const)("in lane %s asks for its part %s", (lane, part, expected) => {
    expect(question({ ...PLAIN, lane }, part, 50).toString()).toBe(`limit=50&${expected}`);
  });

  it.each([
    ["turn", "severity=low&turn=me"],
    ["mine", "severity=low&claimed=me"],
    ["second", "severity=low&needs=me"],
    ["expiring", "severity=low"],
    ["all", "severity=low"],
  ] as const)("has what is in lane %s counted", (lane, expected) => {
    expect(counted(toggle({ ...PLAIN, lane }, "severity", "low")).toString()).toBe(expected);
  });
});
