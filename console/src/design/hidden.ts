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
// Latin letters of other widths and styles: some languages take them for the plain ones (Python's identifiers, NFKC).
const STYLED = /[\uff21-\uff3a\uff41-\uff5a\u{1d400}-\u{1d7ff}]/u;
// Cyrillic and Greek letters that have the shape of a Latin one (Unicode Technical Standard 39, confusables).
const READS_LATIN =
  /^[\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0405\u0406\u0408\u051a\u051c\u03bf\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7]+$/u;
const OTHER_SCRIPT = /^[\p{Script=Cyrillic}\p{Script=Greek}]+$/u;
const WORD = /[\p{L}\p{M}]+/gu;
const LATIN = /[A-Za-z]/;
// So short a word is usual in a text of its own language: only where nothing else is written in it, it is not.
const SHORT = 2;

/**
 * Words with letters that look like Latin ones and are not (CVE-2021-42694): beside Latin letters, or the whole word. Two names that
 * read the same are not. Each once, the letters in question as their codes.
 */
export function lookalikes(text: string): readonly string[] {
  const words = new Set([...text.matchAll(WORD)].map(([word]) => word));
  const written = [...words].some((word) => OTHER_SCRIPT.test(word) && !READS_LATIN.test(word));
  const found = new Set<string>();
  for (const word of words) {
    const whole = READS_LATIN.test(word) && (word.length > SHORT || !written);
    const shown = LATIN.test(word) || STYLED.test(word) || whole ? word.replace(LIKE_LATIN, (letter) => code(letter)) : word;
    if (shown !== word) found.add(escaped(shown));
  }
  return [...found];
}
