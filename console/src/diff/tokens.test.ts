import { type ReactElement, createElement } from "react";
import { Diff, Hunk, type HunkData, type HunkTokens, type TokenNode } from "react-diff-view";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, it, vi } from "vitest";

import { parse } from "./parse";
import type { Job, Slice } from "./tokens.worker";

const TEXT = "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-is_admin = 1\n+is_admin\u202e = 1 # \u200b\n";

/** What the worker answers, without a worker. */
async function answered(job: Job): Promise<readonly Slice[]> {
  const told: Slice[] = [];
  const self = { onmessage: vi.fn<(event: { readonly data: Job }) => void>(), postMessage: (slice: Slice) => told.push(slice) };
  vi.stubGlobal("self", self);
  await import("./tokens.worker");
  self.onmessage({ data: job });
  vi.unstubAllGlobals();
  return told;
}

it.each(["python", null])("a hidden character is drawn as one, in a file of language %s", async (language) => {
  vi.resetModules();
  const [file] = parse(TEXT)?.files ?? [];
  const hunks = file?.hunks ?? [];
  const slices = await answered({ file: 0, language, hunks });
  const tokens: HunkTokens = { old: [], new: [] };
  for (const { side, from, lines } of slices) lines.forEach((line, at) => { tokens[side][from + at] = line as TokenNode[]; });
  const children = (shown: HunkData[]): ReactElement[] => shown.map((hunk) => createElement(Hunk, { key: hunk.content, hunk }));
  const drawn = createElement(Diff, { viewType: "unified", diffType: "modify", hunks: [...hunks], tokens, children });
  // The highlighting may cut a code in pieces; all of them are marked.
  const marked = [...renderToStaticMarkup(drawn).matchAll(/<span class="hidden">(?:<[^>]*>)*([^<]*)/g)].map(([, text]) => text);
  expect(marked.join("")).toBe("⟨U+202E⟩⟨U+200B⟩");
});
