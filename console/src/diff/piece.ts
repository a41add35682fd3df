/** Cuts hunks into pieces that can be drawn one by one, so that thousands of lines stay fluid. Pure. */

import type { ChangeData, HunkData } from "react-diff-view";

export const PIECE = 30;

export type ViewType = "split" | "unified";

/** What a file of a diff, or a hunk in it, is called here. */
export function nameOf(file: number, hunk?: number): string {
  return hunk === undefined ? String(file) : `${String(file)}:${String(hunk)}`;
}

/** The hunk in pieces of about PIECE lines. Side by side, what was removed and what came for it stay in one piece. */
export function cut(hunk: HunkData, view: ViewType): readonly HunkData[] {
  const pieces: HunkData[] = [];
  let current: ChangeData[] = [];
  const end = (): void => {
    if (current.length > 0) pieces.push({ ...hunk, changes: current });
    current = [];
  };
  for (const block of blocks(hunk.changes)) {
    for (const portion of view === "split" ? paired(block) : portions(block)) {
      if (current.length > 0 && current.length + portion.length > PIECE) end();
      current.push(...portion);
    }
  }
  end();
  return pieces;
}

/** Runs of changes, and runs of lines that stay. */
export function blocks(changes: readonly ChangeData[]): readonly (readonly ChangeData[])[] {
  const found: ChangeData[][] = [];
  for (const change of changes) {
    const last = found.at(-1);
    if (last !== undefined && (last[0]?.type === "normal") === (change.type === "normal")) last.push(change);
    else found.push([change]);
  }
  return found;
}

function paired(block: readonly ChangeData[]): readonly (readonly ChangeData[])[] {
  if (block[0]?.type === "normal") return portions(block);
  const removed = portions(block.filter(({ type }) => type === "delete"));
  const added = portions(block.filter(({ type }) => type === "insert"));
  return Array.from({ length: Math.max(removed.length, added.length) }, (_, at) => [...(removed[at] ?? []), ...(added[at] ?? [])]);
}

function portions(changes: readonly ChangeData[]): readonly (readonly ChangeData[])[] {
  const found: ChangeData[][] = [];
  for (let from = 0; from < changes.length; from += PIECE) found.push(changes.slice(from, from + PIECE));
  return found;
}

/**
 * The hunk with lines of which only white space changed shown as lines that stay, as they read afterwards: that at their end, and how much
 * of it stands between words. Where a line begins, and whether two words are one, is never only white space.
 */
export function withoutWhitespace(hunk: HunkData): HunkData {
  const changes = blocks(hunk.changes).flatMap((block) => {
    const removed = block.filter((one) => one.type === "delete");
    const added = block.filter((one) => one.type === "insert");
    if (removed.length === 0 || removed.length !== added.length) return [...block];
    const isSame = removed.map((one, at) => bare(one.content) === bare(added[at]?.content ?? ""));
    if (!isSame.every(Boolean)) return [...block];
    return added.map((one, at): ChangeData => ({
      type: "normal",
      isNormal: true,
      content: one.content,
      oldLineNumber: removed[at]?.lineNumber ?? 0,
      newLineNumber: one.lineNumber,
    }));
  });
  return { ...hunk, changes };
}

function bare(line: string): string {
  const indented = /^[ \t]*/.exec(line)?.[0] ?? "";
  return indented + line.slice(indented.length).trimEnd().replace(/[ \t]+/g, " ");
}
