/**
 * What is typed into a box and stands in the address: it goes there a moment after the last letter, and where the address says something
 * else (filters were cleared, another link was opened) the box says that, and what was not there yet never comes.
 */

import { useDebouncedCallback } from "@mantine/hooks";
import { useEffect, useState } from "react";

const WAIT_MS = 250;

interface Typed {
  readonly text: string;
  readonly type: (text: string) => void;
  /** Nothing more is typed: it goes at once. */
  readonly done: () => void;
}

export function useTyped(said: string, change: (text: string) => void): Typed {
  const [text, setText] = useState(said);
  const [known, setKnown] = useState(said);
  const later = useDebouncedCallback(change, WAIT_MS);
  if (said !== known) {
    setKnown(said);
    // Blanks around it are no part of what is said.
    if (said !== text.trim()) setText(said);
  }
  useEffect(() => {
    later.cancel();
  }, [later, said]);
  return {
    text,
    type: (next) => {
      setText(next);
      later(next.trim());
    },
    done: () => {
      if (later.isPending()) later.flush();
    },
  };
}
