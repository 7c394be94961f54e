/** Parts of JSON that are made of text, so that no digit is lost on the way through JavaScript's numbers. */

/** JSON's words for DuckDB's; it has none itself, so they are strings there. */
const NOT_FINITE: Readonly<Record<string, string>> = {
  nan: '"NaN"',
  inf: '"Infinity"',
  '-inf': '"-Infinity"',
};

/** `text`: DuckDB's text of a number. */
export function jsonNumber(text: string): string {
  // A decimal whose digits all lie behind the point has no zero before it.
  return NOT_FINITE[text] ?? text.replace(/^(-?)\./, '$10.');
}

/** The document without white space between its tokens; a text that is no JSON becomes a string. */
export function jsonDocument(text: string): string {
  if (!isJson(text)) return JSON.stringify(text);
  return text.replaceAll(/("(?:[^"\\]|\\.)*")|[ \t\n\r]+/g, (_, string?: string) => string ?? '');
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
