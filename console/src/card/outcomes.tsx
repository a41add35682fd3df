/** What became of the patch once it was deployed, as it was reported. */

import type { Detail } from "../api/types";
import { Chip, Foreign, Moment, type Tone } from "../design/piece";
import { useSpeech } from "../words/words";
import { Entries, Entry } from "./entries";

type Outcome = Detail["outcomes"][number];

const TONES: Readonly<Record<Outcome["outcome"], Tone>> = { deployed: "good", failed: "bad", rolled_back: "bad", exploited: "bad", superseded: "plain" };

export function Outcomes({ outcomes }: { readonly outcomes: readonly Outcome[] }) {
  const { say } = useSpeech();
  return (
    <Entries>
      {outcomes.map((one, index) => (
        <Entry key={index} words={one.detail}>
          <span>
            <Chip tone={TONES[one.outcome]}>{say(`became.${one.outcome}`)}</Chip> {one.unapproved && <Chip tone="bad">{say("became.unapproved")}</Chip>}{" "}
            <Moment at={one.at} as="relative" /> · <Foreign text={one.source} />
          </span>
        </Entry>
      ))}
    </Entries>
  );
}
