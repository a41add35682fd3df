/** Highlights in the background: language, words that changed within a line, codes of hidden characters. */

import { type ChangeData, type HunkData, type RangeTokenNode, type TokenNode, markEdits, pickRanges, tokenize } from "react-diff-view";
import { refractor } from "./languages";

import { CODE } from "../design/hidden";
import { blocks } from "./piece";

/** What is asked: the hunks of one file. Answered in slices of lines, so that no answer holds the page up. */
export interface Job {
  readonly file: number;
  readonly language: string | null;
  readonly hunks: readonly HunkData[];
}

export interface Slice {
  readonly file: number;
  readonly side: "old" | "new";
  readonly from: number;
  /** Null where the line is shown as it is. */
  readonly lines: readonly (TokenNode[] | null)[];
}

const SLICE = 400;
// Longer ones are data or made by a machine, and would take seconds.
const LINE_MAX = 2_000;
const FILE_MAX = 20_000;
const BLOCK_MAX = 200;

self.onmessage = ({ data }: MessageEvent<Job>): void => {
  for (const slice of slices(data)) self.postMessage(slice);
};

function* slices({ file, language, hunks }: Job): Generator<Slice> {
  const changes = hunks.flatMap((hunk) => hunk.changes);
  const contents = { old: contentsOf(changes, "old"), new: contentsOf(changes, "new") };
  if (changes.length > FILE_MAX || changes.some(({ content }) => content.length > LINE_MAX)) return;
  const given = [...hunks];
  const enhancers = [markEdits(given.map(withoutLarge), { type: "block" }), pickRanges(hidden(given, "old"), hidden(given, "new"))];
  const known = language !== null && refractor.registered(language);
  const tokens = known
    ? tokenize(given, { highlight: true, refractor: { highlight: (text: string, name: string) => refractor.highlight(text, name).children }, language, enhancers })
    : tokenize(given, { highlight: false, enhancers });
  for (const side of ["old", "new"] as const) {
    for (let from = 0; from < tokens[side].length; from += SLICE) {
      // Lines outside of all hunks are holes. What is not the line's own text to the letter is not shown in its place.
      const lines = Array.from(tokens[side].slice(from, from + SLICE), (line: TokenNode[] | undefined, at) =>
        line !== undefined && textOf(line) === contents[side].get(from + at + 1) ? line : null,
      );
      if (lines.some((line) => line !== null)) yield { file, side, from, lines };
    }
  }
}

/** The text of every line of one side, by its number. */
function contentsOf(changes: readonly ChangeData[], side: "old" | "new"): ReadonlyMap<number, string> {
  const skipped = side === "old" ? "insert" : "delete";
  return new Map(changes.flatMap((one) => (one.type === skipped ? [] : [[numberOn(one, side), one.content] as const])));
}

function numberOn(change: ChangeData, side: "old" | "new"): number {
  if (change.type !== "normal") return change.lineNumber;
  return side === "old" ? change.oldLineNumber : change.newLineNumber;
}

function textOf(nodes: readonly TokenNode[]): string {
  return nodes.map((node) => (Array.isArray(node.children) ? textOf(node.children) : String(node["value"] ?? ""))).join("");
}

/** Without the changes in which nobody would look for single words, and a comparison of them would take seconds. */
function withoutLarge(hunk: HunkData): HunkData {
  return { ...hunk, changes: blocks(hunk.changes).filter((block) => block.length <= BLOCK_MAX).flat() };
}

/** What is drawn gets its class from `className` alone; the type says nothing there. */
interface Hidden extends RangeTokenNode {
  readonly className: string;
}

function hidden(hunks: readonly HunkData[], side: "old" | "new"): Hidden[] {
  const skipped = side === "old" ? "insert" : "delete";
  return hunks.flatMap(({ changes }) =>
    changes.flatMap((change) => {
      if (change.type === skipped) return [];
      const lineNumber = numberOn(change, side);
      const found = [...change.content.matchAll(CODE)];
      return found.map(({ 0: { length }, index: start }) => ({ type: "hidden", className: "hidden", lineNumber, start, length }));
    }),
  );
}
