/** What somebody else decided meanwhile, and who. */

import { escaped } from "../design/hidden";
import type { Decision } from "../live/changes";
import { useNames } from "../people/use-people";
import { useSpeech } from "../words/words";

export function Decided({ decision: { decision, by } }: { readonly decision: Decision }) {
  const { say, sayOr } = useSpeech();
  const nameOf = useNames(by);
  return say("turn.decided", { decision: sayOr(`state.${decision}`, escaped(decision)), person: nameOf(by) });
}
