/**
 * Characters that cannot be seen or that change the direction of the text around them (Boucher and Anderson, Trojan Source, 2021), and
 * how they are shown: as their code, so that what is read is what is there.
 */

// Bidi controls and marks, zero-width characters, soft hyphen, tags, variation selectors beyond emoji, and controls but tab, newline and
// the carriage return before it: one within a line ends it for most languages, and is a blank on the screen.
const HIDDEN =
  /\r(?!\n|$)|[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff9-\ufffb]|[\u{e0000}-\u{e01ef}]/gu;

/** The text with every hidden character as its code: "⟨U+202E⟩". */
export function escaped(text: string): string {
  return text.replace(HIDDEN, (found) => code(found));
}

export function countHidden(text: string): number {
  return text.match(HIDDEN)?.length ?? 0;
}

export function code(character: string): string {
  return `⟨U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}⟩`;
}

/** How a code looks in text that was escaped. */
export const CODE = /⟨U\+[0-9A-F]{4,6}⟩/g;

// Scripts with letters that look like Latin ones, and Latin letters of other widths and styles.
const LIKE_LATIN =
  /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Coptic}\p{Script=Armenian}\p{Script=Cherokee}\p{Script=Lisu}\p{Script=Georgian}\uff21-\uff3a\uff41-\uff5a\u{1d400}-\u{1d7ff}]/gu;
const WORD = /[\p{L}\p{M}]+/gu;
const LATIN = /[A-Za-z]/;

/**
 * Words in which Latin letters stand beside such that look like some (CVE-2021-42694): two names that read the same and are not. Each
 * once, the letters in question as their codes.
 */
export function mixedWords(text: string): readonly string[] {
  const found = new Set<string>();
  for (const [word] of text.matchAll(WORD)) {
    const shown = LATIN.test(word) ? word.replace(LIKE_LATIN, (letter) => code(letter)) : word;
    if (shown !== word) found.add(escaped(shown));
  }
  return [...found];
}
