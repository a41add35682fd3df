/** Why something was not done, in the reader's words. */

import { Problem, type Unreachable } from "../api/problem";
import { escaped } from "../design/hidden";
import type { Speech } from "../words/words";

/** Who was quicker, what changed, or what the sidecar says. */
export function reasonOf(patchId: string, problem: Problem | Unreachable, speech: Speech, nameOf: (subject: string) => string): string {
  const { say, sayOr, relative } = speech;
  const patch = escaped(patchId);
  const person = winnerOf(problem);
  if (problem instanceof Problem && person !== null) {
    const at = problem.text("decided_at");
    const made = problem.text("decision") ?? "";
    const decision = sayOr(`state.${made}`, escaped(made));
    return say("decide.lost", { patch, person: nameOf(person), decision, when: at === null ? "" : relative(at, Date.now()) });
  }
  if (problem instanceof Problem && problem.kind === "stale-version") {
    const what = problem.texts("changed").map((one) => sayOr(`card.changed.${one}`, escaped(one))).join(", ");
    return say("decide.stale", { patch, what });
  }
  return say("decide.failed", { patch, reason: escaped(problem.message) });
}

/** The subject of whoever decided before. */
export function winnerOf(problem: Problem | Unreachable | null): string | null {
  return problem instanceof Problem ? problem.text("decided_by") : null;
}
