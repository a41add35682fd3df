import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { cut, withoutWhitespace } from "./piece";
import { type Diff, parse } from "./parse";

const SIMPLE = `diff --git a/src/a.py b/src/a.py
index 1..2 100644
--- a/src/a.py
+++ b/src/a.py
@@ -1,3 +1,4 @@ def f():
 one
-two
+zwei
+drei
 four
`;

function read(text: string): Diff {
  const found = parse(text);
  if (found === null) throw new Error("not readable");
  return found;
}

/** All of it but what is only compared. */
function drawn(found: Diff | null): string {
  return JSON.stringify(found, (key, value: unknown) => (key === "head" || key === "texts" ? undefined : value));
}

describe("a diff", () => {
  it("is read with its line numbers", () => {
    const [file] = read(SIMPLE).files;
    expect(file).toMatchObject({ name: "src/a.py", type: "modify", added: 2, removed: 1, remarks: [] });
    expect(file?.hunks[0]?.changes).toMatchObject([
      { type: "normal", content: "one", oldLineNumber: 1, newLineNumber: 1 },
      { type: "delete", content: "two", lineNumber: 2 },
      { type: "insert", content: "zwei", lineNumber: 2 },
      { type: "insert", content: "drei", lineNumber: 3 },
      { type: "normal", content: "four", oldLineNumber: 3, newLineNumber: 4 },
    ]);
  });

  it.each([
    ["a line that the header does not promise", SIMPLE.replace("-1,3", "-1,2")],
    ["a line that is missing", SIMPLE.replace(" four\n", "")],
    ["a line with no mark", SIMPLE.replace("+drei", "drei")],
    ["two hunks that claim the same line", `${SIMPLE}@@ -2,1 +2,1 @@\n-two\n+evil\n`],
    ["hunks in another order", `--- a/x\n+++ b/x\n@@ -9 +9 @@\n-a\n+b\n@@ -1 +1 @@\n-a\n+b\n`],
    ["another file than it is headed by", SIMPLE.replace("+++ b/src/a.py", "+++ b/src/b.py")],
    ["its names said twice", SIMPLE.replace("@@", "--- a/src/c.py\n+++ b/src/c.py\n@@")],
    ["words behind a backslash", SIMPLE.replace(" four\n", "\\ and so on\n four\n")],
    ["a hunk without a file", "@@ -1 +1 @@\n-a\n+b\n"],
    ["no diff at all", "please apply this\n"],
    ["nothing", ""],
  ])("with %s is not read", (_, text) => {
    expect(parse(text)).toBeNull();
  });

  it.each(["old mode", "new mode", "deleted file mode", "new file mode", "rename from"])("hides nothing in its head: %s", (line) => {
    const shown = drawn(parse(`diff --git a/x b/x\n${line} 100644\u202e\n`));
    expect(shown).toContain("100644⟨U+202E⟩");
    expect(shown).not.toContain("\u202e");
  });

  it("keeps every line that stands between its files", () => {
    const text = `From: somebody\nSubject: fix\n\n${SIMPLE}stray words\n${SIMPLE.replaceAll("a.py", "b.py")}-- \n2.39.5\n`;
    const { files, remarks } = read(text);
    expect(files.map(({ name }) => name)).toEqual(["src/a.py", "src/b.py"]);
    expect(files[0]?.remarks).toEqual(["From: somebody", "Subject: fix"]);
    expect(files[1]?.remarks).toEqual(["stray words"]);
    expect(remarks).toEqual(["-- ", "2.39.5"]);
  });

  it("without git's header is read as well", () => {
    const [file] = read("--- a/x.c\t2026-01-01\n+++ b/x.c\t2026-01-02\n@@ -1 +1 @@\n-a\n+b\n\\ No newline at end of file\n").files;
    expect(file).toMatchObject({ name: "x.c", added: 1, removed: 1 });
  });

  it.each([
    ["a rename", "similarity index 100%\nrename from old name.txt\nrename to new.txt\n", { type: "rename", oldPath: "old name.txt", name: "new.txt" }],
    ["a link", "new file mode 120000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n", { type: "add", newMode: "120000" }],
    ["a mode", "old mode 100644\nnew mode 100755\n", { oldMode: "100644", newMode: "100755" }],
    ["a new file", "new file mode 100644\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n", { type: "add", name: "x" }],
    ["a deleted file", "deleted file mode 100644\n--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n", { type: "delete", name: "x" }],
    ["a binary", "index 1..2 100644\nBinary files a/x and b/x differ\n", { isBinary: true }],
    ["a binary patch", "index 1..2 100644\nGIT binary patch\nliteral 3\nKcmZQzU|?Vn\n\nliteral 0\nHcmV?d00001\n\n", { isBinary: true }],
    ["a quoted path", 'rename from "b\\303\\244r \\"1\\".txt"\nrename to "tab\\there"\n', { oldPath: 'bär "1".txt' }],
  ])("says %s", (_, body, expected) => {
    const { files, remarks } = read(`diff --git a/x b/x\n${body}`);
    expect(files).toHaveLength(1);
    expect(files[0]).toMatchObject(expected);
    expect(remarks).toEqual([]);
  });

  it("shows a carriage return within a line, and at the end of one where not all have it", () => {
    const [file] = read(SIMPLE.replace("+zwei", "+# note\rimport os").replace("+drei", "+drei\r")).files;
    expect(file?.hunks[0]?.changes[2]?.content).toBe("# note⟨U+000D⟩import os");
    expect(file?.hunks[0]?.changes[3]?.content).toBe("drei⟨U+000D⟩");
    const [windows] = read(SIMPLE.replaceAll(/^([ +-](?![+-]).*)$/gm, "$1\r")).files;
    expect([windows?.isCrlf, windows?.hunks[0]?.changes[0]?.content]).toEqual([true, "one"]);
  });

  it("shows what cannot be seen, in lines and in names", () => {
    const [file] = read(SIMPLE.replace("zwei", "a\u202eb\u200b").replaceAll("a.py", "a\u202e.py")).files;
    expect(file?.name).toBe("src/a⟨U+202E⟩.py");
    expect(file?.hunks[0]?.changes[2]?.content).toBe("a⟨U+202E⟩b⟨U+200B⟩");
  });
});

describe("a hunk", () => {
  const changes = (text: string) => read(text).files[0]?.hunks[0];

  it("keeps all its lines when it is cut, in both views", () => {
    const body = [...Array.from({ length: 300 }, (_, at) => `-old ${String(at)}`), ...Array.from({ length: 250 }, (_, at) => `+new ${String(at)}`)];
    const hunk = changes(`--- a/x\n+++ b/x\n@@ -1,300 +1,250 @@\n${body.join("\n")}\n`);
    if (hunk === undefined) throw new Error("no hunk");
    for (const view of ["split", "unified"] as const) {
      const pieces = cut(hunk, view);
      expect(pieces.length).toBeGreaterThan(5);
      expect(pieces.flatMap((piece) => piece.changes)).toHaveLength(550);
    }
    expect(cut(hunk, "unified").flatMap((piece) => piece.changes)).toEqual(hunk.changes);
    // Side by side, the first line that came stands beside the first that went.
    expect(cut(hunk, "split")[0]?.changes.map(({ content }) => content)).toEqual(expect.arrayContaining(["old 0", "new 0"]));
  });

  it("without white space keeps only what really changed", () => {
    const types = (text: string): readonly string[] => {
      const hunk = changes(text);
      if (hunk === undefined) throw new Error("no hunk");
      return withoutWhitespace(hunk).changes.map(({ type }) => type);
    };
    expect(types("--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n-a  = 1\n+a = 1 \n b\n-c\n+d\n")).toEqual(["normal", "normal", "delete", "insert"]);
    // What Python reads otherwise is a change.
    expect(types("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-    return False\n+return False\n")).toEqual(["delete", "insert"]);
    expect(types('--- a/x\n+++ b/x\n@@ -1 +1 @@\n-"a b"\n+"ab"\n')).toEqual(["delete", "insert"]);
  });
});

describe("the corpus of real fixes", () => {
  const file = process.env["HITL_TEST_PATCHES"] ?? "../../shared/patches/patches.jsonl";
  const fixes = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line) as { readonly cve_id: string; readonly diff: string }) : [];

  it.skipIf(fixes.length === 0)("is read to the last line", () => {
    for (const { cve_id: id, diff } of fixes) {
      const { files } = read(diff);
      // Independently counted: a line that begins with a mark and is no name of a file.
      const marked = diff.split("\n").filter((line) => /^[+-]/.test(line) && !/^(\+\+\+|---) ["ab/]/.test(line)).length;
      const counted = files.reduce((sum, one) => sum + one.added + one.removed, 0);
      expect([id, counted]).toEqual([id, marked]);
    }
  });
});
