/** The heading of a page. It names the tab, and whoever comes to the page begins there, with the keyboard and with a screen reader. */

import { type ReactNode, useEffect, useRef } from "react";

import { useSpeech } from "../words/words";
import { escaped } from "./hidden";

interface Props {
  /** What the tab is called. */
  readonly name: string;
  /** What is shown, if it is not the name alone. */
  readonly children?: ReactNode;
  readonly className?: string;
}

export function PageTitle({ name, children, className }: Props) {
  const { say } = useSpeech();
  const heading = useRef<HTMLHeadingElement>(null);
  const title = `${escaped(name)} · ${say("app.name")}`;
  useEffect(() => {
    document.title = title;
  }, [title]);
  useEffect(() => {
    const { activeElement } = document;
    // Who is writing already is not interrupted.
    if (activeElement?.matches("input,textarea,[role=dialog] *") !== true) heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <h1 ref={heading} tabIndex={-1} className={className}>
      {children ?? escaped(name)}
    </h1>
  );
}
