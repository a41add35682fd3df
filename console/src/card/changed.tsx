/** That the patch changed while it was read. It stands where the decision is made, and only the reader has it shown anew. */

import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";

import { keys } from "../api/queries";
import type { Detail } from "../api/types";
import { Decided } from "../decide/decided";
import { escaped } from "../design/hidden";
import { useHeard } from "../live/use-live";
import { useSpeech } from "../words/words";
import css from "./changed.module.css";

interface Props {
  readonly detail: Detail;
  readonly readAt: number;
  /** Why it could not be read anew. */
  readonly failure: Error | null;
}

export function Changed({ detail, readAt, failure }: Props) {
  const { say } = useSpeech();
  const cached = useQueryClient();
  const { versions, decided, blindAt } = useHeard();
  const told = versions.get(detail.patch_id);
  const isNewer = told !== undefined && numberOf(told) > numberOf(detail.version);
  const decision = isNewer ? decided.get(detail.patch_id) : undefined;
  if (!isNewer && blindAt <= readAt && failure === null) return null;
  return (
    <div role="alert" className={css["changed"]}>
      <strong>{say(isNewer ? "card.changed.now" : "card.changed.maybe")}</strong>
      {decision !== undefined && (
        <span>
          <Decided decision={decision} />
        </span>
      )}
      {failure !== null && <span>{escaped(failure.message)}</span>}
      <Button size="compact-sm" onClick={() => void cached.invalidateQueries({ queryKey: keys.patch(detail.patch_id) })}>
        {say("card.changed.reload")}
      </Button>
    </div>
  );
}

function numberOf(version: string): number {
  return Number(version.replaceAll('"', ""));
}
