import { describe, expect, it } from "vitest";

import { compare } from "./compare";
import { parse } from "./parse";

const hunk = (at: number, was: string, is: string, to = at): string => `@@ -${String(at)},3 +${String(to)},3 @@\n one\n-${was}\n+${is}\n four\n`;
const file = (name: string, ...hunks: readonly string[]): string => `diff --git a/${name} b/${name}\n--- a/${name}\n+++ b/${name}\n${hunks.join("")}`;
const binary = (name: string, content: string): string => `diff --git a/${name} b/${name}\nindex 1..2 100644\nGIT binary patch\nliteral 3\n${content}\n\n`;

function compared(now: string, before: string) {
  const [one, other] = [parse(now), parse(before)];
  if (one === null || other === null) throw new Error("not readable");
  const { same, news, gone, hasOtherText } = compare(one, other);
  return { same: [...same], news: [...news], gone: gone.map(({ file: name, text }) => [name, text]), hasOtherText };
}

const BEFORE = file("a.py", hunk(1, "two", "zwei"), hunk(11, "three", "drei"));

describe("compared with an earlier patch", () => {
  it("a hunk is known where every character is the same, and one that changed is news", () => {
    const now = file("a.py", hunk(1, "two", "zwei"), hunk(11, "three", "DREI"));
    const gone = [["a.py", "@@ -11,3 +11,3 @@\n one\n-three\n+drei\n four"]];
    expect(compared(now, BEFORE)).toEqual({ same: ["0:0"], news: ["0:1"], gone, hasOtherText: false });
  });

  it("a hunk is known that only others before it moved", () => {
    const longer = "@@ -1,3 +1,4 @@\n one\n-two\n+zwei\n+more\n four\n";
    expect(compared(file("a.py", longer, hunk(11, "three", "drei", 12)), BEFORE)).toMatchObject({ same: ["0:1"], news: ["0:0"] });
  });

  it.each([
    ["at another place", file("a.py", "@@ -10,0 +11 @@\n+return True\n"), file("a.py", "@@ -500,0 +501 @@\n+return True\n")],
    ["in another function", file("a.py", "@@ -9,0 +9 @@ def is_debug\n+return True\n"), file("a.py", "@@ -9,0 +9 @@ def is_admin\n+return True\n")],
    ["in another file", file("a.py", hunk(1, "two", "zwei")), file("b.py", hunk(1, "two", "zwei"))],
    ["in a file of another mode", file("a.py", hunk(1, "two", "zwei")), file("a.py", hunk(1, "two", "zwei")).replace("\n---", "\nold mode 100644\nnew mode 100755\n---")],
    ["with a character that cannot be seen", file("a.py", hunk(1, "two", "zwei")), file("a.py", hunk(1, "two", "zwei\u200b"))],
    ["with the code that is shown for such a character", file("a.py", hunk(1, "two", "zwei\u200b")), file("a.py", hunk(1, "two", "zwei⟨U+200B⟩"))],
    ["with another end of a line", file("a.py", hunk(1, "two", "zwei")), file("a.py", hunk(1, "two", "zwei\r"))],
    ["with other white space", file("a.py", hunk(1, "two", "zwei")), file("a.py", hunk(1, "two", "zwei "))],
    ["without a newline at the end", file("a.py", hunk(1, "two", "zwei")), `${file("a.py", hunk(1, "two", "zwei"))}\\ No newline at end of file\n`],
    ["in a file whose name looks like it", file("a\u200b.py", hunk(1, "two", "zwei")), file("a⟨U+200B⟩.py", hunk(1, "two", "zwei"))],
  ])("a hunk %s is news", (_, before, now) => {
    expect(compared(now, before)).toMatchObject({ same: [], news: ["0:0"] });
    expect(compared(now, before).gone).toHaveLength(1);
  });

  it("of two that are alike the one is known that was there", () => {
    const now = file("a.py", "@@ -10,0 +10 @@\n+return True\n", "@@ -500,0 +501 @@\n+return True\n");
    const before = file("a.py", "@@ -500,0 +500 @@\n+return True\n");
    expect(compared(now, before)).toMatchObject({ same: ["0:1"], news: ["0:0"], gone: [] });
  });

  it("files without lines are the same only if all that is said of them is", () => {
    const rest = file("a.py", hunk(1, "two", "zwei"));
    expect(compared(rest + binary("a.png", "Ka"), rest + binary("a.png", "Ka"))).toMatchObject({ news: [], gone: [] });
    expect(compared(rest + binary("a.png", "Kb"), rest + binary("a.png", "Ka"))).toMatchObject({ news: ["1"], gone: [["a.png", expect.anything()]] });
    expect(compared(rest, rest + binary("a.png", "Ka"))).toMatchObject({ news: [], gone: [["a.png", expect.anything()]] });
    const mode = "diff --git a/x.sh b/x.sh\nold mode 100644\nnew mode 100755\n";
    expect(compared(rest + mode, rest)).toMatchObject({ news: ["1"] });
  });

  it("text that belongs to no file is compared as well", () => {
    expect(compared(`It is safe.\n${BEFORE}`, BEFORE)).toMatchObject({ news: [], gone: [], hasOtherText: true });
  });
});
