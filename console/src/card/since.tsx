/** What changed since the reader looked last: on a second look only that is news. */

import type { Detail } from "../api/types";
import { Moment } from "../design/piece";
import { useSpeech } from "../words/words";
import css from "./since.module.css";

export function Since({ look }: { readonly look: Detail["since_last_look"] }) {
  const { say, sayOr } = useSpeech();
  if (look === null) return null;
  const changed = look.changed.map((one) => sayOr(`card.changed.${one}`, one));
  return (
    <p className={css["since"]} data-changed={changed.length > 0}>
      {say(changed.length === 0 ? "card.since.same" : "card.since")} <Moment at={look.at} as="relative" />
      {changed.length > 0 && `: ${changed.join(", ")}`}
    </p>
  );
}
