/** What a patch has in common with an earlier one, change by change. Pure. */

import type { Diff, DiffFile } from "./parse";
import { nameOf } from "./piece";

/** A hunk, or a file that has none, which only the earlier patch has; as it was sent. */
export interface Gone {
  readonly file: string;
  readonly text: string;
}

export interface Compared {
  /** Names of the hunks that the earlier patch has as well: in the same file, at the same lines of what it changes, every character the same. */
  readonly same: ReadonlySet<string>;
  /** Names of all other hunks, and of files without hunks that the earlier patch has not, or not so. */
  readonly news: ReadonlySet<string>;
  readonly gone: readonly Gone[];
  /** Whether the text that belongs to no file is another one. */
  readonly hasOtherText: boolean;
}

/** In doubt it is news: what moved, or stands in a file that is called otherwise or has another mode, is not the same. */
export function compare(now: Diff, before: Diff): Compared {
  const known = new Map(before.files.flatMap((file, at) => unitsOf(file, at).map((unit) => [unit.key, unit] as const)));
  const same = new Set<string>();
  const news = new Set<string>();
  now.files.forEach((file, at) => {
    for (const { key, name, isHunk } of unitsOf(file, at)) {
      if (!known.delete(key)) news.add(name);
      else if (isHunk) same.add(name);
    }
  });
  return { same, news, gone: [...known.values()], hasOtherText: textOf(now) !== textOf(before) };
}

interface Unit extends Gone {
  readonly key: string;
  readonly name: string;
  readonly isHunk: boolean;
}

function unitsOf(file: DiffFile, at: number): readonly Unit[] {
  if (file.texts.length === 0) return [{ key: file.head, name: nameOf(at), file: file.name, text: file.head, isHunk: false }];
  // What these lines say follows from the rest, for all of the file.
  const head = file.head.replace(/^(?:index|similarity index|dissimilarity index) .*\n?/gm, "");
  return file.texts.map((text, hunk) => ({
    // Where it stands afterwards is up to the hunks before it.
    key: `${head}\n${text.replace(/ \+[\d,]+ @@/, " @@")}`,
    name: nameOf(at, hunk),
    file: file.name,
    text,
    isHunk: true,
  }));
}

function textOf({ files, remarks }: Diff): string {
  return [...files.flatMap((file) => file.remarks), ...remarks].join("\n");
}
