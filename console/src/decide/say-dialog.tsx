/** One dialog for everything that is said of a patch: an optional or needed text, presets where there are some. */

import { Button, Group, Stack, Textarea } from "@mantine/core";
import { useState } from "react";

import { TEXT_MAX } from "../api/limits";
import { DANGER } from "../design/theme";
import { Dialog } from "../design/dialog";
import { escaped } from "../design/hidden";
import { useMe } from "../session/use-session";
import { type Key, useSpeech } from "../words/words";
import * as draft from "./draft";
import { Presets, withPresets } from "./presets";

/** As soon as it is there, so that whoever types on without waiting is heard. */
function focus(box: HTMLTextAreaElement | null): void {
  box?.focus();
}

/** What is said: under which name what is written is kept, what box and button are called, and what then happens. */
export interface Said {
  readonly what: string;
  readonly verb: Key;
  readonly label: Key;
  readonly needsText: boolean;
  readonly presets?: boolean;
  readonly danger?: boolean;
  readonly lead?: string;
  /** `said` is the text, or where there is none the presets in words; `written` what is kept for the next try. */
  readonly done: (said: string, written: draft.Draft) => void;
}

interface Props extends Said {
  readonly patchId: string;
  /** It is on its way, and is neither changed nor sent again until there is an answer. */
  readonly busy?: boolean;
  readonly failure?: Error | null;
  readonly close: () => void;
}

export function SayDialog({ patchId, busy = false, failure = null, close, ...said }: Props) {
  const { what, verb, label, needsText, presets = false, danger = false, lead, done } = said;
  const speech = useSpeech();
  const { say } = speech;
  const { subject } = useMe();
  const [written, setWritten] = useState(() => draft.read(subject, patchId, what));
  const [lacking, setLacking] = useState(false);
  const write = (next: draft.Draft): void => {
    setWritten(next);
    setLacking(false);
    draft.keep(subject, patchId, what, next);
  };
  const send = (): void => {
    if (busy) return;
    const whole = withPresets(written.text, written.presets, speech);
    if (needsText && whole.trim() === "") setLacking(true);
    else done(whole, written);
  };
  return (
    <Dialog opened onClose={close} title={say("decide.title", { what: say(verb), patch: escaped(patchId) })} size="lg">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <Stack>
          {lead !== undefined && <p>{lead}</p>}
          {failure !== null && <p role="alert">{escaped(failure.message)}</p>}
          {presets && <Presets chosen={written.presets} change={(chosen) => { write({ ...written, presets: chosen }); }} disabled={busy} />}
          <Textarea
            label={say(label)}
            error={lacking ? say("decide.reason.needed") : null}
            autosize
            minRows={3}
            maxRows={12}
            maxLength={TEXT_MAX}
            readOnly={busy}
            ref={focus}
            data-autofocus
            value={written.text}
            onChange={({ currentTarget }) => { write({ ...written, text: currentTarget.value }); }}
            onKeyDown={(event) => {
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
            }}
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {say("decide.cancel")}
            </Button>
            <Button type="submit" loading={busy} {...(danger ? { color: DANGER } : {})}>
              {say(verb)}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
