import { describe, expect, it } from "vitest";

import { PLAIN, question, read, toggle, write } from "./view";

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
    ["mine", "claimed=me"],
    ["second", "needs=me"],
    ["expiring", "sort=deadline"],
    ["waiting", "claimed=nobody"],
  ] as const)("asks for its part %s", (part, expected) => {
    expect(question(PLAIN, part, 50).toString()).toContain(expected);
  });

  it("asks for everything where everything is wanted", () => {
    expect(question({ ...PLAIN, lane: "all" }, "waiting", 50).get("claimed")).toBeNull();
  });
});
