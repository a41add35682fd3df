/**
 * Reads a unified diff as git writes it, strictly: what is approved is every line of it, so that no line may vanish in reading. A hunk
 * that does not hold what its header says makes the whole text unreadable; text that stands between files is kept and shown.
 */

import type { ChangeData, FileData, HunkData } from "react-diff-view";

import { code, escaped } from "../design/hidden";

export interface DiffFile extends FileData {
  /** The path it has afterwards, or had before it was deleted; escaped. */
  readonly name: string;
  /** What stands above its hunks, binary content included, and each hunk, as they were sent. */
  readonly head: string;
  readonly texts: readonly string[];
  readonly added: number;
  readonly removed: number;
  /** Lines before it that belong to no file: a message, a signature. */
  readonly remarks: readonly string[];
  /** All of its lines end with carriage return and newline. */
  readonly isCrlf: boolean;
}

export interface Diff {
  readonly files: readonly DiffFile[];
  readonly remarks: readonly string[];
}

const HUNK = /^@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@/;
const GIT = /^diff --git (.*)$/;
const NONE = "/dev/null";
const NO_NEWLINE = /^\\ No newline at end of file$/;

/** The files of a diff; null for what is none. */
export function parse(text: string): Diff | null {
  const lines = new Lines(text);
  const files: DiffFile[] = [];
  let remarks: string[] = [];
  while (!lines.isAtEnd()) {
    if (GIT.test(lines.peek()) || isPlainHeader(lines)) {
      const file = readFile(lines, remarks);
      if (file === null) return null;
      files.push(file);
      remarks = [];
    } else if (HUNK.test(lines.peek())) {
      return null;
    } else {
      remarks.push(escaped(lines.take()));
    }
  }
  return files.length === 0 ? null : { files, remarks: remarks.filter((line) => line.trim() !== "") };
}

function isPlainHeader(lines: Lines): boolean {
  return lines.peek().startsWith("--- ") && lines.peek(1).startsWith("+++ ") && HUNK.test(lines.peek(2));
}

function readFile(lines: Lines, before: readonly string[]): DiffFile | null {
  const from = lines.place();
  const head = readHead(lines);
  if (head === null) return null;
  const said = lines.since(from);
  const hunks: HunkData[] = [];
  const texts: string[] = [];
  let added = 0;
  let removed = 0;
  while (HUNK.test(lines.peek())) {
    const begin = lines.place();
    const hunk = readHunk(lines);
    if (hunk === null || !isBehind(hunk, hunks.at(-1))) return null;
    hunks.push(hunk);
    texts.push(lines.since(begin));
    added += hunk.changes.filter(({ type }) => type === "insert").length;
    removed += hunk.changes.filter(({ type }) => type === "delete").length;
  }
  const { oldPath, newPath } = head;
  const name = newPath === NONE || newPath === "" ? oldPath : newPath;
  const remarks = before.filter((line) => line.trim() !== "");
  const changes = hunks.flatMap((hunk) => hunk.changes);
  const isCrlf = changes.length > 0 && changes.every(({ content }) => content.endsWith("\r"));
  for (const change of changes) change.content = change.content.replace(/\r$/, isCrlf ? "" : code("\r"));
  const ending = { oldEndingNewLine: true, newEndingNewLine: true, oldRevision: "", newRevision: "" };
  return { ...ending, ...head, hunks, head: said, texts, name, added, removed, remarks, isCrlf };
}

/** Hunks come in the order of the file and have no line in common: two that claim the same line could not both be shown. */
function isBehind(hunk: HunkData, before: HunkData | undefined): boolean {
  if (before === undefined) return true;
  return hunk.oldStart >= before.oldStart + before.oldLines && hunk.newStart >= before.newStart + before.newLines;
}

type Head = Pick<FileData, "oldPath" | "newPath" | "oldMode" | "newMode" | "type" | "isBinary">;

/** Null where it says something twice, or names another file than its first line does: nobody could tell which one is meant. */
function readHead(lines: Lines): Head | null {
  const named = GIT.exec(lines.peek());
  const [oldName, newName] = named === null ? ["", ""] : bothPaths(named[1] ?? "");
  if (named !== null) lines.take();
  const head = { oldPath: oldName, newPath: newName, oldMode: "", newMode: "", type: "modify" as FileData["type"], isBinary: false };
  const seen = new Set<string>();
  for (;;) {
    const line = lines.peek();
    const [, word = "", rest = ""] = /^(old mode|new mode|deleted file mode|new file mode|rename from|rename to|copy from|copy to|similarity index|dissimilarity index|index|---|\+\+\+|GIT binary patch|Binary files)(?: (.*))?$/.exec(line) ?? [];
    if (word === "" || lines.isAtEnd()) return isClear(head, oldName, newName) ? head : null;
    if (seen.has(word)) return null;
    seen.add(word);
    lines.take();
    const mode = word === "index" ? / (\d{6})$/.exec(rest)?.[1] : undefined;
    if (mode !== undefined) Object.assign(head, { oldMode: mode, newMode: mode });
    if (word === "old mode") head.oldMode = escaped(rest);
    if (word === "new mode") head.newMode = escaped(rest);
    if (word === "deleted file mode") Object.assign(head, { type: "delete", oldMode: escaped(rest) });
    if (word === "new file mode") Object.assign(head, { type: "add", newMode: escaped(rest) });
    if (word === "rename from") Object.assign(head, { type: "rename", oldPath: unquoted(rest) });
    if (word === "rename to") head.newPath = unquoted(rest);
    if (word === "copy from") Object.assign(head, { type: "copy", oldPath: unquoted(rest) });
    if (word === "copy to") head.newPath = unquoted(rest);
    if (word === "---") head.oldPath = path(rest, "a/");
    if (word === "+++") head.newPath = path(rest, "b/");
    if (word === "---" && head.oldPath === NONE) head.type = "add";
    if (word === "+++" && head.newPath === NONE) head.type = "delete";
    if (word === "Binary files") head.isBinary = true;
    if (word === "GIT binary patch") {
      head.isBinary = true;
      skipBinary(lines);
    }
  }
}

/** Whether `---` and `+++` name what `diff --git` names. Names with blanks cannot be told apart there, and are not compared. */
function isClear(head: Head, oldName: string, newName: string): boolean {
  const isSame = (one: string, other: string): boolean => one === other || one === NONE || other === "" || /\s/.test(other);
  return head.type === "rename" || head.type === "copy" || (isSame(head.oldPath, oldName) && isSame(head.newPath, newName));
}

/** Binary content is base 85 in lines that begin with their length, in one or two blocks, each ended by an empty line. */
function skipBinary(lines: Lines): void {
  while (!lines.isAtEnd() && /^(literal \d+|delta \d+|[A-Za-z][0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]+|)$/.test(lines.peek())) lines.take();
}

/** One hunk; null if its lines are not those that its header promises. */
function readHunk(lines: Lines): HunkData | null {
  const content = lines.take();
  const [, oldFrom = "0", oldCount = "1", newFrom = "0", newCount = "1"] = HUNK.exec(content) ?? [];
  const [oldStart, oldLines, newStart, newLines] = [Number(oldFrom), Number(oldCount), Number(newFrom), Number(newCount)];
  let [oldLeft, newLeft] = [oldLines, newLines];
  const changes: ChangeData[] = [];
  while (oldLeft > 0 || newLeft > 0) {
    if (lines.isAtEnd()) return null;
    const line = lines.take();
    const said = escaped(line.slice(1));
    const oldLineNumber = oldStart + oldLines - oldLeft;
    const newLineNumber = newStart + newLines - newLeft;
    if (line.startsWith("+") && newLeft > 0) {
      changes.push({ type: "insert", content: said, lineNumber: newLineNumber, isInsert: true });
      newLeft -= 1;
    } else if (line.startsWith("-") && oldLeft > 0) {
      changes.push({ type: "delete", content: said, lineNumber: oldLineNumber, isDelete: true });
      oldLeft -= 1;
    } else if ((line.startsWith(" ") || line === "") && oldLeft > 0 && newLeft > 0) {
      changes.push({ type: "normal", content: said, oldLineNumber, newLineNumber, isNormal: true });
      oldLeft -= 1;
      newLeft -= 1;
    } else if (!NO_NEWLINE.test(line)) {
      return null;
    }
  }
  if (NO_NEWLINE.test(lines.peek())) lines.take();
  return { content: escaped(content), oldStart, oldLines, newStart, newLines, changes };
}

/** Both paths of "a/x b/y". Without quotes a space may be in either: both are the same then, or `---` and `rename` lines say them. */
function bothPaths(said: string): readonly [string, string] {
  if (said.startsWith('"') || said.endsWith('"')) {
    const found = /^("(?:[^"\\]|\\.)*"|\S+) ("(?:[^"\\]|\\.)*"|\S+)$/.exec(said);
    return [path(found?.[1] ?? said, "a/"), path(found?.[2] ?? said, "b/")];
  }
  const middle = (said.length - 1) / 2;
  const halves = [said.slice(0, middle), said.slice(middle + 1)] as const;
  if (said[middle] === " " && halves[0].slice(2) === halves[1].slice(2)) return [path(halves[0], "a/"), path(halves[1], "b/")];
  const at = said.indexOf(" b/");
  return at === -1 ? [escaped(said), escaped(said)] : [path(said.slice(0, at), "a/"), path(said.slice(at + 1), "b/")];
}

function path(said: string, prefix: string): string {
  // A time stamp may follow after a tab.
  const whole = unquoted(said.split("\t")[0] ?? "");
  return whole.startsWith(prefix) ? whole.slice(prefix.length) : whole;
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", a: "\u0007", b: "\b", f: "\f", v: "\v" };

/** A path as git quotes it (C style, bytes in octal), or as it stands. What cannot be seen is shown as its code. */
function unquoted(said: string): string {
  if (!said.startsWith('"') || !said.endsWith('"') || said.length < 2) return escaped(said);
  const bytes: number[] = [];
  for (const [, octal, named, plain] of said.slice(1, -1).matchAll(/\\([0-7]{3})|\\(.)|([^\\])/gsu)) {
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8));
    else bytes.push(...new TextEncoder().encode(plain ?? ESCAPES[named ?? ""] ?? named ?? ""));
  }
  return escaped(new TextDecoder().decode(new Uint8Array(bytes)).replaceAll("\n", "\u2424"));
}

class Lines {
  private readonly lines: readonly string[];
  private at = 0;

  constructor(text: string) {
    const lines = text.split("\n");
    if (lines.at(-1) === "") lines.pop();
    this.lines = lines;
  }

  isAtEnd(): boolean {
    return this.at >= this.lines.length;
  }

  peek(ahead = 0): string {
    return this.lines[this.at + ahead] ?? "";
  }

  take(): string {
    const line = this.peek();
    this.at += 1;
    return line;
  }

  place(): number {
    return this.at;
  }

  /** What was taken from this place on. */
  since(place: number): string {
    return this.lines.slice(place, this.at).join("\n");
  }
}
