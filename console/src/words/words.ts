/** The seam for translations: keys to texts in the chosen language, numbers and times as that language writes them. */

import { createContext, useContext } from "react";

import { en } from "./en";

export type Key = keyof typeof en;
export type Words = Readonly<Record<Key, string | readonly [string, string]>>;
export type Language = "en" | "pt";
export type Filling = Readonly<Record<string, string | number>>;

/** Texts, numbers and times of one language. */
export interface Speech {
  readonly language: Language;
  readonly say: (key: Key, filling?: Filling) => string;
  /** A key that is made from data: `fallback` where nobody wrote a text for it. */
  readonly sayOr: (key: string, fallback: string) => string;
  readonly number: (value: number, options?: Intl.NumberFormatOptions) => string;
  readonly percent: (fraction: number, digits?: number) => string;
  /** In the reader's own zone. */
  readonly time: (at: string) => string;
  /** The same to the second. */
  readonly second: (at: string) => string;
  readonly day: (at: string) => string;
  /** "in 3 hours", "2 days ago". */
  readonly relative: (at: string, nowMs: number) => string;
  /** A length of time, as its largest units: "3 h 20 min". */
  readonly span: (seconds: number) => string;
}

const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

export function speech(language: Language, words: Words): Speech {
  const plural = new Intl.PluralRules(language);
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const moment = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const second = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
  const day = new Intl.DateTimeFormat(language, { month: "short", day: "numeric", timeZone: "UTC" });
  const pick = (text: string | readonly [string, string], filling: Filling): string => {
    if (typeof text === "string") return text;
    return plural.select(Number(filling["count"])) === "one" ? text[0] : text[1];
  };
  const number = (value: number, options: Intl.NumberFormatOptions = {}): string => new Intl.NumberFormat(language, options).format(value);
  const say = (key: Key, filling: Filling = {}): string =>
    pick(words[key], filling).replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = filling[name];
      return value === undefined ? whole : typeof value === "number" ? number(value) : value;
    });
  return {
    language,
    say,
    sayOr: (key, fallback) => (Object.hasOwn(words, key) ? say(key as Key) : fallback),
    number,
    percent: (fraction, digits = 0) => number(fraction, { style: "percent", maximumFractionDigits: digits }),
    time: (at) => moment.format(new Date(at)),
    second: (at) => second.format(new Date(at)),
    day: (at) => day.format(new Date(at)),
    relative: (at, nowMs) => {
      const seconds = (Date.parse(at) - nowMs) / 1_000;
      const [unit, size] = UNITS.find(([, one]) => Math.abs(seconds) >= one) ?? (["second", 1] as const);
      return relative.format(Math.trunc(seconds / size), unit);
    },
    span: (seconds) => {
      if (seconds > 0 && seconds < 1) return number(Math.ceil(seconds * 1_000), { style: "unit", unit: "millisecond", unitDisplay: "short" });
      const units = [
        ["day", 86_400],
        ["hour", 3_600],
        ["minute", 60],
        ["second", 1],
      ] as const;
      const first = units.findIndex(([, size]) => seconds >= size);
      const from = first === -1 ? units.length - 1 : first;
      let rest = Math.round(seconds);
      const parts: string[] = [];
      for (const [unit, size] of units.slice(from, from + 2)) {
        const count = Math.floor(rest / size);
        rest -= count * size;
        if (count > 0 || parts.length === 0) parts.push(number(count, { style: "unit", unit, unitDisplay: "short" }));
      }
      return parts.join(" ");
    },
  };
}

/** The moment in UTC, to the second. */
export function utc(at: string): string {
  return new Date(at).toISOString().replace("T", " ").replace(/\..*$/, "");
}

export const SpeechContext = createContext<Speech>(speech("en", en));

export function useSpeech(): Speech {
  return useContext(SpeechContext);
}
