/**
 * The words of a statement that DuckDB's parser has accepted, as its lexer cuts them: white space and comments are
 * no tokens. For statements that DuckDB's parser does not hand out as a tree.
 */
export interface Token {
  /** `name`: a quoted identifier; `string`: quoted or dollar-quoted text. */
  readonly kind: 'word' | 'name' | 'string' | 'number' | 'symbol';
  /** As it is meant: without quotes. */
  readonly text: string;
  /** Where it stands, in characters. */
  readonly start: number;
  readonly end: number;
}

/** Blanks outside ASCII, which DuckDB takes for spaces (measured); every other character there is one of a word. */
export const WIDE_BLANK = /[\u00a0\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff]/;
const BLANK = /[\t\n\f\r ]/;
const LETTER = `(?:[A-Za-z_]|(?!${WIDE_BLANK.source})[\\u0080-\\uffff])`;
const WORD = new RegExp(`${LETTER}(?:[\\d$]|${LETTER})*`, 'y');
const NUMBER =
  /(?:0[xX][\da-fA-F_]+|0[bB][01_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)/y;
const DOLLAR_TAG = new RegExp(`\\$(?:${LETTER}(?:\\d|${LETTER})*)?\\$`, 'y');

export function tokensOf(sql: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < sql.length) {
    const blank = blankEnd(sql, at);
    if (blank > at) {
      at = blank;
      continue;
    }
    const token = tokenAt(sql, at);
    tokens.push(token);
    at = token.end;
  }
  return tokens;
}

/** End of the white space or the comment that begins here; `at` itself where there is none. */
function blankEnd(sql: string, at: number): number {
  const first = sql[at] ?? '';
  if (BLANK.test(first) || WIDE_BLANK.test(first)) return at + 1;
  if (sql.startsWith('--', at)) return at + (matchAt(LINE, sql, at)?.length ?? 0);
  return sql.startsWith('/*', at) ? commentEnd(sql, at) : at;
}

const LINE = /[^\n\r]*/y;

/** Block comments nest. */
function commentEnd(sql: string, start: number): number {
  let depth = 0;
  for (let at = start; at < sql.length; at += 1) {
    const two = sql.slice(at, at + 2);
    if (two !== '/*' && two !== '*/') continue;
    depth += two === '/*' ? 1 : -1;
    at += 1;
    if (depth === 0) return at + 1;
  }
  return sql.length;
}

function tokenAt(sql: string, start: number): Token {
  const first = sql[start] ?? '';
  if (/[eE]/.test(first) && sql[start + 1] === "'") return escapedString(sql, start);
  if (first === "'" || first === '"') return quoted(sql, start, first);
  if (first === '$') {
    const tag = matchAt(DOLLAR_TAG, sql, start);
    if (tag !== undefined) return dollarQuoted(sql, start, tag);
  }
  const word = matchAt(WORD, sql, start);
  if (word !== undefined) return { kind: 'word', text: word, start, end: start + word.length };
  const number = matchAt(NUMBER, sql, start);
  if (number !== undefined) {
    return { kind: 'number', text: number, start, end: start + number.length };
  }
  return { kind: 'symbol', text: first, start, end: start + 1 };
}

function quoted(sql: string, start: number, quote: string): Token {
  let at = start + 1;
  while (at < sql.length) {
    if (sql[at] !== quote) at += 1;
    else if (sql[at + 1] === quote) at += 2;
    else break;
  }
  const text = sql.slice(start + 1, at).replaceAll(quote + quote, quote);
  return {
    kind: quote === '"' ? 'name' : 'string',
    text,
    start,
    end: Math.min(at + 1, sql.length),
  };
}

/** `E'…'`: a backslash hides what follows it. Its text is left as it is written. */
function escapedString(sql: string, start: number): Token {
  let at = start + 2;
  while (at < sql.length && (sql[at] !== "'" || sql[at + 1] === "'")) {
    at += sql[at] === '\\' || sql[at] === "'" ? 2 : 1;
  }
  return {
    kind: 'string',
    text: sql.slice(start + 2, at),
    start,
    end: Math.min(at + 1, sql.length),
  };
}

function dollarQuoted(sql: string, start: number, tag: string): Token {
  const close = orEnd(sql.indexOf(tag, start + tag.length), sql);
  const text = sql.slice(start + tag.length, close);
  return { kind: 'string', text, start, end: Math.min(close + tag.length, sql.length) };
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function orEnd(index: number, text: string): number {
  return index < 0 ? text.length : index;
}
