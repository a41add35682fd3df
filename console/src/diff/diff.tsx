/** The patch as a diff: side by side or unified, drawn only where it is looked at. What cannot be read as a diff is shown as text. */

import "react-diff-view/style/index.css";
import "./syntax.css";

import { Button, Checkbox, SegmentedControl } from "@mantine/core";
import { useLocalStorage, useMediaQuery } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";

import { artefact } from "../api/queries";
import { countHidden, escaped, lookalikes } from "../design/hidden";
import { useClient } from "../session/use-session";
import { useSpeech } from "../words/words";
import { type Compared, compare } from "./compare";
import css from "./diff.module.css";
import { Files } from "./files";
import { type Diff as Read, parse } from "./parse";
import type { ViewType } from "./piece";

const ALIKE_MAX = 10;
const NONE: ReadonlySet<string> = new Set();

/** The round before this one that it is compared with: the one that the reader looked at last, if there is one. */
export interface Earlier {
  readonly patchId: string;
  readonly round: number;
}

interface Props {
  readonly text: string | null;
  /** What it is at first counts: what is compared with does not change while one reads. */
  readonly earlier: Earlier | null;
  /** Called once it is on the screen. */
  readonly shown: () => void;
}

export default function Diff({ text, earlier, shown }: Props) {
  const { say } = useSpeech();
  useEffect(shown, [shown]);
  const read = useMemo(() => (text === null ? null : parse(text)), [text]);
  const [base] = useState(earlier);
  const alike = useMemo(() => lookalikes(text ?? ""), [text]);
  if (text === null) return <p>{say("diff.none")}</p>;
  const hidden = countHidden(text);
  return (
    <div className={css["diff"]}>
      {hidden > 0 && (
        <div role="alert" className={css["hidden"]}>
          <strong>{say("diff.hidden", { count: hidden })}</strong> {say("diff.hidden.lead")}
        </div>
      )}
      {alike.length > 0 && (
        <div role="note" className={css["notice"]}>
          <strong>{say("diff.alike", { count: alike.length })}</strong> {say("diff.alike.lead")}{" "}
          <bdi className={css["words"]}>{alike.slice(0, ALIKE_MAX).join(", ")}</bdi>
          {alike.length > ALIKE_MAX && " …"}
        </div>
      )}
      {read === null ? <Plain text={text} /> : base === null ? <Readable text={text} read={read} compared={null} /> : <Second text={text} read={read} base={base} />}
    </div>
  );
}

interface SecondProps {
  readonly text: string;
  readonly read: Read;
  readonly base: Earlier;
}

/** A diff that came for another one. All of it is there until the reader wants to see only what is new. */
function Second({ text, read, base: { patchId, round } }: SecondProps) {
  const { say } = useSpeech();
  const { data, error } = useQuery(artefact(useClient(), patchId, round));
  const [isShort, setShort] = useState(false);
  const before = data?.diff ?? null;
  const compared = useMemo(() => {
    const known = before === null ? null : parse(before);
    return known === null ? null : compare(read, known);
  }, [read, before]);
  const canBeShort = compared !== null && compared.same.size > 0 && compared.news.size > 0;
  return (
    <>
      {/* It has its room before it is known what it says: nothing moves under the reader's eyes. */}
      <div className={css["compared"]} role="status">
        {compared !== null && <Summary compared={compared} round={round} />}
        {compared === null && (data !== undefined || error !== null) && (
          <span>
            {say("diff.compare.not", { round })} {error !== null && escaped(error.message)}
          </span>
        )}
        {canBeShort && (
          <SegmentedControl
            size="xs"
            aria-label={say("diff.compare")}
            value={isShort ? "news" : "whole"}
            data={[
              { value: "whole", label: say("diff.compare.whole") },
              { value: "news", label: say("diff.compare.news") },
            ]}
            onChange={(value) => { setShort(value === "news"); }}
          />
        )}
      </div>
      <Readable key={String(isShort)} text={text} read={read} compared={compared} isShort={isShort} />
      {compared !== null && compared.gone.length > 0 && (
        <details>
          <summary>{say("diff.compare.gone", { count: compared.gone.length, round })}</summary>
          <pre className={css["plain"]} tabIndex={0}>
            {compared.gone.map((one) => `${one.file}\n${escaped(one.text)}`).join("\n\n")}
          </pre>
        </details>
      )}
    </>
  );
}

function Summary({ compared: { same, news, gone, hasOtherText }, round }: { readonly compared: Compared; readonly round: number }) {
  const { say } = useSpeech();
  const told = [
    news.size > 0 ? say("diff.compare.new", { count: news.size }) : null,
    hasOtherText ? say("diff.compare.text") : null,
    gone.length > 0 ? say("diff.compare.gone", { count: gone.length, round }) : null,
    same.size > 0 ? say("diff.compare.same", { count: same.size, round }) : null,
  ].filter((one) => one !== null);
  const isSame = news.size + gone.length === 0 && !hasOtherText;
  return <span>{isSame ? say("diff.compare.none", { round }) : told.join(" · ")}</span>;
}

function Plain({ text }: { readonly text: string }) {
  const { say } = useSpeech();
  return (
    <>
      <p role="note" className={css["notice"]}>
        {say("diff.malformed")}
      </p>
      <pre className={css["plain"]} tabIndex={0}>
        {escaped(text)}
      </pre>
    </>
  );
}

interface ReadableProps {
  readonly text: string;
  readonly read: Read;
  readonly compared: Compared | null;
  /** What is the same is folded. */
  readonly isShort?: boolean;
}

function Readable({ text, read, compared, isShort = false }: ReadableProps) {
  const { say } = useSpeech();
  const isNarrow = useMediaQuery("(width < 900px)");
  const [wanted, setWanted] = useLocalStorage<ViewType>({ key: "hitl.diff.view", defaultValue: "split" });
  const [ignoring, setIgnoring] = useState(false);
  const view = isNarrow ? "unified" : wanted;
  const added = read.files.reduce((sum, file) => sum + file.added, 0);
  const removed = read.files.reduce((sum, file) => sum + file.removed, 0);
  return (
    <>
      <div className={css["tools"]}>
        <span>
          {say("diff.files", { count: read.files.length })} · <span className={css["added"]}>+{added}</span>{" "}
          <span className={css["removed"]}>−{removed}</span>
        </span>
        {!isNarrow && (
          <SegmentedControl
            size="xs"
            value={wanted}
            data={[
              { value: "split", label: say("diff.view.split") },
              { value: "unified", label: say("diff.view.unified") },
            ]}
            onChange={(value) => { setWanted(value === "split" ? "split" : "unified"); }}
          />
        )}
        <Checkbox size="xs" label={say("diff.whitespace")} checked={ignoring} onChange={({ currentTarget }) => { setIgnoring(currentTarget.checked); }} />
        <Copy text={text} />
      </div>
      <Files read={read} view={view} ignoring={ignoring} news={compared?.news ?? NONE} folded={isShort ? (compared?.same ?? NONE) : NONE} />
    </>
  );
}

function Copy({ text }: { readonly text: string }) {
  const { say } = useSpeech();
  const [copied, setCopied] = useState(false);
  return (
    <Button
      size="compact-xs"
      variant="default"
      onClick={() => {
        void navigator.clipboard.writeText(text).then(() => { setCopied(true); });
      }}
    >
      {say(copied ? "diff.copied_done" : "diff.copy")}
    </Button>
  );
}
