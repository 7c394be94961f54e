/** Texts on a terminal: their lines, and how many columns they take. */

/** What would move the cursor, or worse; line breaks are not among them. */
// eslint-disable-next-line no-control-regex -- control characters are what it is about
const CONTROL_CHARACTERS = /[\x00-\x09\x0b-\x1f\x7f-\x9f]/g;

const ESCAPES: Readonly<Record<string, string>> = { '\t': '\\t', '\r': '\\r' };

/** The lines of a text, with its control characters made visible. */
export function shownLines(text: string): readonly string[] {
  return text.split('\n').map(shownText);
}

/** The text on one line. */
export function shownLine(text: string): string {
  return shownText(text.replaceAll('\n', '\\n'));
}

function shownText(line: string): string {
  return line.replaceAll(
    CONTROL_CHARACTERS,
    (char) => ESCAPES[char] ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

const NO_WIDTH = /\p{Mark}|\u200d|\ufe0f/u;
const DOUBLE_WIDTH =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u;

/** Columns on a terminal: wide East Asian characters and emoji take two, combining marks none. */
export function displayWidth(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let width = 0;
  for (const char of text) {
    if (NO_WIDTH.test(char)) continue;
    width += DOUBLE_WIDTH.test(char) ? 2 : 1;
  }
  return width;
}
