/** Mantine in our colours: its components read the tokens of `tokens.css`. */

import { type CSSVariablesResolver, type VariantColorsResolver, createTheme, defaultVariantColorsResolver } from "@mantine/core";

/** Filled and outlined buttons in the tokens, which know light and dark; the rest as Mantine has it. */
const resolver: VariantColorsResolver = (input) => {
  const tone = input.color === undefined || input.color === "green" ? "accent" : input.color === DANGER ? "bad" : null;
  if (tone === null || (input.variant !== "filled" && input.variant !== "outline" && input.variant !== "subtle")) return defaultVariantColorsResolver(input);
  const colour = `var(--${tone})`;
  if (input.variant === "filled") {
    const on = tone === "accent" ? "var(--on-accent)" : "var(--surface)";
    return { background: colour, hover: `color-mix(in srgb, ${colour} 86%, var(--ink))`, color: on, border: "1px solid transparent" };
  }
  return { background: "transparent", hover: `var(--${tone}-soft)`, color: colour, border: input.variant === "outline" ? `1px solid ${colour}` : "1px solid transparent" };
};

export const DANGER = "red";

export const theme = createTheme({
  fontFamily: "var(--text)",
  fontFamilyMonospace: "var(--mono)",
  primaryColor: "green",
  colors: {
    // From paper to ink around the accent: 7 is it in light, 3 in dark.
    green: ["#e8f6f2", "#d3ece5", "#a6d9cc", "#5fcdb4", "#3fae96", "#238a75", "#157463", "#0b6354", "#084b40", "#06352d"],
  },
  primaryShade: { light: 7, dark: 3 },
  variantColorResolver: resolver,
  defaultRadius: "sm",
  cursorType: "pointer",
  focusRing: "auto",
  respectReducedMotion: true,
});

const TOKENS = {
  "--mantine-color-body": "var(--paper)",
  "--mantine-color-text": "var(--ink)",
  "--mantine-color-dimmed": "var(--ink-soft)",
  "--mantine-color-default": "var(--surface)",
  "--mantine-color-default-hover": "var(--sunken)",
  "--mantine-color-default-color": "var(--ink)",
  "--mantine-color-default-border": "var(--line-strong)",
  "--mantine-color-placeholder": "var(--ink-soft)",
  "--mantine-color-error": "var(--bad)",
  "--mantine-color-anchor": "var(--accent)",
};

/** For each scheme by itself: Mantine says its own colours so, and they would win over what is said for both. */
export const variables: CSSVariablesResolver = () => ({ variables: {}, light: TOKENS, dark: TOKENS });
