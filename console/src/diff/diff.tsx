/** The patch as a diff: side by side or unified, drawn only where it is looked at. What cannot be read as a diff is shown as text. */

import "react-diff-view/style/index.css";
import "./syntax.css";

import { Button, Checkbox, SegmentedControl } from "@mantine/core";
import { useLocalStorage, useMediaQuery } from "@mantine/hooks";
import { useEffect, useMemo, useState } from "react";

import { countHidden, escaped } from "../design/hidden";
import { useSpeech } from "../words/words";
import css from "./diff.module.css";
import { Files } from "./files";
import { type Diff as Read, parse } from "./parse";
import type { ViewType } from "./piece";

interface Props {
  readonly text: string | null;
  readonly digest: string | null;
  /** Called once it is on the screen. */
  readonly shown: () => void;
}

export default function Diff({ text, digest, shown }: Props) {
  const { say } = useSpeech();
  useEffect(shown, [shown]);
  const read = useMemo(() => (text === null ? null : parse(text)), [text]);
  if (text === null) return <p>{say("diff.none")}</p>;
  const hidden = countHidden(text);
  return (
    <div className={css["diff"]}>
      {hidden > 0 && (
        <div role="alert" className={css["hidden"]}>
          <strong>{say("diff.hidden", { count: hidden })}</strong> {say("diff.hidden.lead")}
        </div>
      )}
      {read === null ? <Plain text={text} /> : <Readable key={digest} text={text} read={read} />}
    </div>
  );
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

function Readable({ text, read }: { readonly text: string; readonly read: Read }) {
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
      <Files read={read} view={view} ignoring={ignoring} />
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
