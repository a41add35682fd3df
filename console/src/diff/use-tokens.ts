/** The highlighting of all files, as far as it has come. Without it the text is the same, only plainer. */

import { useEffect, useState } from "react";
import type { HunkData, HunkTokens } from "react-diff-view";

import { languageOf } from "./language";
import type { DiffFile } from "./parse";
import type { Job, Slice } from "./tokens.worker";

export type Tokens = ReadonlyMap<number, HunkTokens>;

const NONE: Tokens = new Map();

export function useTokens(files: readonly DiffFile[], hunks: readonly (readonly HunkData[])[]): Tokens {
  const [found, setFound] = useState<{ readonly of: unknown; readonly tokens: Tokens }>({ of: null, tokens: NONE });
  useEffect(() => {
    const worker = new Worker(new URL("./tokens.worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<Slice>) => {
      setFound(({ of, tokens }) => ({ of: hunks, tokens: merged(of === hunks ? tokens : NONE, data) }));
    };
    files.forEach(({ name }, file) => {
      const job: Job = { file, language: languageOf(name), hunks: hunks[file] ?? [] };
      if (job.hunks.length > 0) worker.postMessage(job);
    });
    return () => {
      worker.terminate();
    };
  }, [files, hunks]);
  return found.of === hunks ? found.tokens : NONE;
}

function merged(tokens: Tokens, { file, side, from, lines }: Slice): Tokens {
  const had = tokens.get(file) ?? { old: [], new: [] };
  const next = [...had[side]];
  lines.forEach((line, at) => {
    if (line !== null) next[from + at] = line;
  });
  return new Map(tokens).set(file, { ...had, [side]: next });
}
