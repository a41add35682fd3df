/** Small pieces that many parts show: a severity, an outcome, a moment, text from outside. */

import type { ReactNode } from "react";

import { useNow } from "./use-now";
import { utc, useSpeech } from "../words/words";
import { escaped } from "./hidden";
import css from "./piece.module.css";

export type Tone = "good" | "bad" | "doubt" | "info" | "plain";

export function Chip({ tone = "plain", children, title }: { readonly tone?: Tone; readonly children: ReactNode; readonly title?: string }) {
  return (
    <span className={css["chip"]} data-tone={tone} title={title}>
      {children}
    </span>
  );
}

/** Severity or risk: a word and a bar, never a colour alone. */
export function Grade({ value, of }: { readonly value: string | null; readonly of: "severity" | "risk" }) {
  const { say, sayOr } = useSpeech();
  const known = value ?? "unknown";
  const word = sayOr(`severity.${known}`, known);
  return (
    <span className={css["grade"]} data-grade={known}>
      <span className="unseen">{say(of === "severity" ? "of_severity" : "of_risk", { value: word })}</span>
      <span aria-hidden="true">{word}</span>
    </span>
  );
}

/** A moment in the reader's zone, in UTC on hover. */
export function Moment({ at, as = "time" }: { readonly at: string | null; readonly as?: "time" | "second" | "relative" }) {
  const speech = useSpeech();
  const now = useNow();
  if (at === null) return <span>{speech.say("time.never")}</span>;
  return (
    <time dateTime={at} title={speech.say("time.utc", { time: utc(at) })}>
      {as === "relative" ? speech.relative(at, now) : speech[as](at)}
    </time>
  );
}

/** Text from outside: as text, with what cannot be seen or turns it around shown as its code. */
export function Foreign({ text }: { readonly text: string }) {
  return <bdi className={css["foreign"]}>{escaped(text)}</bdi>;
}

export function Id({ text }: { readonly text: string }) {
  return (
    <bdi className={css["id"]} title={escaped(text)}>
      {escaped(text)}
    </bdi>
  );
}

export function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div className={css["fact"]}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
