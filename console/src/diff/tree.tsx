/** The files of a diff, each a way to it. */

import { useSpeech } from "../words/words";
import css from "./diff.module.css";
import type { DiffFile } from "./parse";

interface Props {
  readonly files: readonly DiffFile[];
  readonly current: number;
  readonly go: (file: number) => void;
}

export function Tree({ files, current, go }: Props) {
  const { say } = useSpeech();
  return (
    <nav className={css["tree"]} aria-label={say("diff.tree")}>
      <ol>
        {files.map((file, index) => (
          <li key={index}>
            <button type="button" className={css["leaf"]} aria-current={index === current ? "location" : undefined} onClick={() => { go(index); }}>
              <bdi className={css["path"]}>{file.name}</bdi>
              <span className={css["added"]}>+{file.added}</span>
              <span className={css["removed"]}>−{file.removed}</span>
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
}
