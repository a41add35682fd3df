/** Keys that work as long as a part of the page is there. */

import { createContext, useContext, useEffect, useRef, useSyncExternalStore } from "react";

import type { Key } from "../words/words";
import type { Binding, Keyboard } from "./keys";

export const KeyboardContext = createContext<Keyboard | null>(null);

export function useKeyboard(): Keyboard {
  const keyboard = useContext(KeyboardContext);
  if (keyboard === null) throw new Error("no keyboard around");
  return keyboard;
}

/** Keys and what each does. What they run may change from one rendering to the next; the keys themselves should not. */
export function useKeys(bindings: Readonly<Record<string, { readonly what: Key; readonly run: () => void } | null>>): void {
  const keyboard = useKeyboard();
  const latest = useRef(bindings);
  useEffect(() => {
    latest.current = bindings;
  });
  const there = Object.entries(bindings).flatMap(([keys, one]) => (one === null ? [] : [`${keys}\u0000${one.what}`]));
  const names = there.join("\u0001");
  useEffect(() => {
    const added: Binding[] = names === "" ? [] : names.split("\u0001").map((name) => {
      const [keys = "", what = ""] = name.split("\u0000");
      return { keys, what, run: () => latest.current[keys]?.run() };
    });
    return keyboard.bind(added);
  }, [keyboard, names]);
}

/** Those that work now, and whether they do. */
export function useBindings(): { readonly on: boolean; readonly bindings: readonly Binding[] } {
  const keyboard = useKeyboard();
  const bindings = useSyncExternalStore(keyboard.subscribe, keyboard.list);
  const on = useSyncExternalStore(keyboard.subscribe, keyboard.isOn);
  return { on, bindings };
}
