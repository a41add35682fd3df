/** What is wrong with a rejected patch, in words that the generator knows. They are a reason by themselves. */

import { Checkbox, Stack } from "@mantine/core";

import { type Speech, useSpeech } from "../words/words";

const PRESETS = [
  "incomplete_fix",
  "wrong_root_cause",
  "breaks_functionality",
  "introduces_vulnerability",
  "poor_quality",
  "insufficient_evidence",
] as const;
export type Preset = (typeof PRESETS)[number];

interface Props {
  readonly chosen: readonly Preset[];
  readonly change: (chosen: readonly Preset[]) => void;
  readonly disabled?: boolean;
}

export function Presets({ chosen, change, disabled = false }: Props) {
  const { say } = useSpeech();
  return (
    <Checkbox.Group
      label={say("decide.presets")}
      value={[...chosen]}
      onChange={(values) => { change(PRESETS.filter((one) => values.includes(one))); }}
    >
      <Stack gap="xs" mt="xs">
        {PRESETS.map((one) => (
          <Checkbox key={one} value={one} label={say(`preset.${one}`)} disabled={disabled} />
        ))}
      </Stack>
    </Checkbox.Group>
  );
}

/** What was written, or where nothing was, the presets in words. */
export function withPresets(text: string, chosen: readonly Preset[], { say }: Speech): string {
  return text.trim() === "" ? chosen.map((one) => say(`preset.${one}`)).join("; ") : text;
}
