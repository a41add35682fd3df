/** What was said and done about the patch, comments among it, the newest first. */

import type { Detail } from "../api/types";
import { Moment } from "../design/piece";
import { Named } from "../people/use-people";
import { useSpeech } from "../words/words";
import { Entries, Entry } from "./entries";

interface Said {
  readonly at: string;
  readonly who: string;
  readonly did: string;
  readonly words: string | null;
}

export function History({ detail }: { readonly detail: Detail }) {
  const { sayOr } = useSpeech();
  return (
    <Entries>
      {entries(detail).map((one, index) => (
        <Entry key={index} words={one.words}>
          <span>
            <strong>
              <Named subject={one.who} />
            </strong>{" "}
            {sayOr(`action.${one.did}`, one.did.replaceAll("_", " "))} · <Moment at={one.at} as="relative" />
          </span>
        </Entry>
      ))}
    </Entries>
  );
}

/** Comments stand in the history as well: each is shown once. */
export function entries({ history, comments }: Pick<Detail, "history" | "comments">): readonly Said[] {
  const done = history
    .filter(({ action }) => action !== "commented")
    .map(({ at, actor, action, justification }) => ({ at, who: actor, did: action, words: justification }));
  const said = comments.map(({ at, actor, comment }) => ({ at, who: actor, did: "commented", words: comment }));
  return [...done, ...said].sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
}
