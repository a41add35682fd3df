/** One entry under the other: a line or two, and the words of whoever wrote some. */

import type { ReactNode } from "react";

import { Foreign } from "../design/piece";
import css from "./entries.module.css";

export function Entries({ children }: { readonly children: ReactNode }) {
  return <ol className={css["list"]}>{children}</ol>;
}

export function Entry({ words = null, children }: { readonly words?: string | null; readonly children: ReactNode }) {
  return (
    <li className={css["entry"]}>
      {children}
      {words !== null && (
        <p>
          <Foreign text={words} />
        </p>
      )}
    </li>
  );
}
