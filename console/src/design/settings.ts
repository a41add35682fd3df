/** What a person chose for this browser: language, whether keys work, whether they hold what Next opens. Colours are kept by Mantine. */

import type { Language } from "../words/words";

export interface Settings {
  readonly language: Language;
  readonly keys: boolean;
  readonly hold: boolean;
}

const NAME = "hitl.settings";

export function load(): Settings {
  const told = parse(localStorage.getItem(NAME));
  const wanted = told["language"] ?? navigator.language.slice(0, 2);
  return { language: wanted === "pt" ? "pt" : "en", keys: told["keys"] !== false, hold: told["hold"] !== false };
}

export function save(settings: Settings): void {
  localStorage.setItem(NAME, JSON.stringify(settings));
}

function parse(kept: string | null): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(kept ?? "{}");
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
