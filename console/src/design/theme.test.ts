import { readFileSync } from "node:fs";

import { DEFAULT_THEME, defaultCssVariablesResolver } from "@mantine/core";
import { describe, expect, it } from "vitest";

import { variables } from "./theme";

const AA = 4.5;
const CSS = readFileSync("src/design/tokens.css", "utf8");
const PAIR = /--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g;
const TOKENS = new Map([...CSS.matchAll(PAIR)].map(([, name, light, dark]) => [name, { light, dark }] as const));

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** WCAG 2.2, contrast ratio. */
function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

function colourOf(token: string, scheme: "light" | "dark"): string {
  return TOKENS.get(token)?.[scheme] ?? "";
}

describe.each(["light", "dark"] as const)("in %s Mantine's", (scheme) => {
  const ours = variables(DEFAULT_THEME);
  const theirs = defaultCssVariablesResolver(DEFAULT_THEME);

  it("own colours do not win over our tokens", () => {
    const said = new Map(Object.entries({ ...theirs.variables, ...ours.variables, ...theirs[scheme], ...ours[scheme] }));
    expect(said.get("--mantine-color-placeholder")).toBe("var(--ink-soft)");
    expect(said.get("--mantine-color-error")).toBe("var(--bad)");
    expect(said.get("--mantine-color-body")).toBe("var(--paper)");
  });

  it.each(["text", "dimmed", "placeholder", "error", "anchor", "default-color"])("%s can be read on everything that it stands on", (name) => {
    const token = (ours[scheme][`--mantine-color-${name}`] ?? "").slice("var(--".length, -1);
    for (const below of ["paper", "surface", "raised", "sunken"]) {
      expect(contrast(colourOf(token, scheme), colourOf(below, scheme)), `${token} on ${below}`).toBeGreaterThanOrEqual(AA);
    }
  });
});
