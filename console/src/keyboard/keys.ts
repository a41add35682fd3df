/**
 * Keys for what the buttons do. Every binding is registered with what it does, so that `?` can list exactly those that work now.
 * Nothing is a key while somebody types, and all of them can be switched off (WCAG 2.1.4).
 */

const SEQUENCE_MS = 2_000;

/** `keys` is one key as the browser names it ("j", "?", "Shift+x"), or two in a row ("g a"). The last to come wins. */
export interface Binding {
  readonly keys: string;
  readonly what: string;
  readonly run: () => void;
}

export class Keyboard {
  private bindings: readonly Binding[] = [];
  private begun: { readonly key: string; readonly at: number } | null = null;
  private covered: KeyboardEvent | null = null;
  private readonly listeners = new Set<() => void>();

  constructor(
    private on: boolean,
    private readonly now: () => number = () => performance.now(),
  ) {}

  readonly isOn = (): boolean => this.on;

  /** Those that work now, each key once. */
  readonly list = (): readonly Binding[] => this.bindings;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  switch(on: boolean): void {
    this.on = on;
    this.tell();
  }

  /** Add some; the returned function takes them away again. */
  bind(added: readonly Binding[]): () => void {
    this.bindings = [...this.bindings, ...added];
    this.tell();
    return () => {
      this.bindings = this.bindings.filter((one) => !added.includes(one));
      this.tell();
    };
  }

  /** A key goes down, and nobody has heard it yet: one that closes a dialog belongs to that dialog, and does nothing below it. */
  begin(event: KeyboardEvent): void {
    this.covered = isCovered(event.target) ? event : null;
  }

  /** A key was pressed, and everybody else has heard it; says whether it was one of ours. */
  press(event: KeyboardEvent): boolean {
    if (!this.on || event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return false;
    if (this.covered === event || isTyping(event.target) || isCovered(event.target)) return false;
    const key = nameOf(event);
    if (key === null) return false;
    const at = this.now();
    const before = this.begun !== null && at - this.begun.at < SEQUENCE_MS ? this.begun.key : null;
    this.begun = null;
    // After the first of two keys the second means only that: a slip must not do something else.
    const found = this.find(before === null ? key : `${before} ${key}`);
    if (found !== undefined || before !== null) {
      found?.run();
      return true;
    }
    if (this.bindings.some(({ keys }) => keys.startsWith(`${key} `))) {
      this.begun = { key, at };
      return true;
    }
    return false;
  }

  private find(keys: string): Binding | undefined {
    return this.bindings.findLast((one) => one.keys === keys);
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

function nameOf({ key, shiftKey, repeat, target }: KeyboardEvent): string | null {
  // Enter and Space belong to the button, link or box that has the focus.
  if ((key === "Enter" || key === " ") && target instanceof Element && target.closest("a,button,summary,input,[role=button]") !== null) return null;
  if (repeat && key !== "j" && key !== "k") return null;
  const letter = key.length === 1 && key.toLowerCase() !== key.toUpperCase();
  return letter ? `${shiftKey ? "Shift+" : ""}${key.toLowerCase()}` : key;
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || target.matches("input:not([type=checkbox],[type=radio]),textarea,select");
}

/** A dialog is open: what lies below it has no keys. */
function isCovered(target: EventTarget | null): boolean {
  return document.querySelector("[role=dialog][aria-modal=true]") !== null || (target instanceof Element && target.closest("[role=menu],[role=listbox]") !== null);
}
