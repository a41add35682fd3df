import { expect, it } from "vitest";

import { problemOf, Unreachable } from "../api/problem";
import { en } from "../words/en";
import { speech } from "../words/words";
import { reasonOf } from "./reason";

const HIDDEN = "\u202e";

it.each([
  ["a lost race", problemOf(409, { decided_by: "bob", decision: `approved${HIDDEN}`, decided_at: "2026-11-26T12:00:00Z" })],
  ["a stale version", problemOf(412, { type: "/problems/stale-version", changed: [`x${HIDDEN}`] })],
  ["a refusal", problemOf(422, { title: `no${HIDDEN}` })],
  ["silence", new Unreachable(`gone${HIDDEN}`)],
])("%s hides nothing, neither of the patch nor of what is said of it", (_, problem) => {
  const said = reasonOf(`p${HIDDEN}1`, problem, speech("en", en), (subject) => subject);
  expect(said).toContain("p⟨U+202E⟩1");
  expect(said.match(/⟨U\+202E⟩/g)).toHaveLength(2);
  expect(said).not.toContain(HIDDEN);
});
