/** One dialog for everything that is said of a patch: an optional or needed text, presets where there are some. */

import { Button, Group, Stack, Textarea } from "@mantine/core";
import { useState } from "react";

import { DANGER } from "../design/theme";
import { Dialog } from "../design/dialog";
import { escaped } from "../design/hidden";
import { useMe } from "../session/use-session";
import { type Key, useSpeech } from "../words/words";
import * as draft from "./draft";
import { type Preset, Presets, withPresets } from "./presets";

const TEXT_MAX = 10_000;

/** As soon as it is there, so that whoever types on without waiting is heard. */
function focus(box: HTMLTextAreaElement | null): void {
  box?.focus();
}

/** What is said: under which name what is written is kept, what the button says, and what then happens. */
export interface Said {
  readonly what: string;
  readonly verb: Key;
  readonly needsText: boolean;
  readonly presets?: boolean;
  readonly danger?: boolean;
  readonly lead?: string;
  readonly done: (text: string, presets: readonly Preset[]) => void;
}

interface Props extends Said {
  readonly patchId: string;
  readonly busy?: boolean;
  readonly failure?: Error | null;
  readonly close: () => void;
}

export function SayDialog({ patchId, what, verb, needsText, presets = false, danger = false, lead, busy = false, failure = null, close, done }: Props) {
  const speech = useSpeech();
  const { say } = speech;
  const { subject } = useMe();
  const [text, setText] = useState(() => draft.read(subject, patchId, what));
  const [chosen, setChosen] = useState<readonly Preset[]>([]);
  const [lacking, setLacking] = useState(false);
  const write = (next: string): void => {
    setText(next);
    setLacking(false);
    draft.keep(subject, patchId, what, next);
  };
  const send = (): void => {
    const said = withPresets(text, chosen, speech);
    if (needsText && said.trim() === "") setLacking(true);
    else done(said, chosen);
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
          {presets && (
            <Presets
              chosen={chosen}
              change={(next) => {
                setChosen(next);
                setLacking(false);
              }}
            />
          )}
          <Textarea
            label={say(what === "comment" ? "decide.comment" : needsText ? "decide.reason" : "decide.comment.optional")}
            error={lacking ? say("decide.reason.needed") : null}
            autosize
            minRows={3}
            maxRows={12}
            maxLength={TEXT_MAX}
            ref={focus}
            data-autofocus
            value={text}
            onChange={({ currentTarget }) => { write(currentTarget.value); }}
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
