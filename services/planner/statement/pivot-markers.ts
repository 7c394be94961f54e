/**
 * PIVOT without given values: its columns are found in the data. DuckDB takes such a statement apart into several,
 * which it does not hand out; with a marker in place of the values it is one SELECT like any other.
 */
import { type Token, tokensOf } from './tokens.ts';

export interface MarkedStatement {
  readonly sql: string;
  /** Markers 1 … n are in it. */
  readonly markerCount: number;
}

const PIVOTS: ReadonlySet<string> = new Set(['PIVOT', 'PIVOT_WIDER']);
/** What ends the list of a PIVOT's columns. */
const CLAUSES: ReadonlySet<string> = new Set(['USING', 'GROUP', 'ORDER', 'LIMIT', 'OFFSET']);

/** The one value that stands for those that are to be found. */
export function pivotMarker(index: number): string {
  return `skein pivot ${index}`;
}

/** Gives each column of a PIVOT that has no values a marker. */
export function markPivots(sql: string): MarkedStatement {
  const tokens = tokensOf(sql);
  const places = tokens.flatMap((token, i) =>
    PIVOTS.has(keyword(token)) ? openColumns(tokens, i + 1) : [],
  );
  const ordered = [...new Set(places)].toSorted((a, b) => a - b);
  let marked = '';
  let from = 0;
  for (const [i, place] of ordered.entries()) {
    marked += `${sql.slice(from, place)} IN ('${pivotMarker(i + 1)}')`;
    from = place;
  }
  return { sql: marked + sql.slice(from), markerCount: ordered.length };
}

/** Where the columns of one PIVOT end that have no values. */
function openColumns(tokens: readonly Token[], start: number): readonly number[] {
  const level = levelTokens(tokens, start);
  const firstClause = level.findIndex((token) =>
    ['GROUP', 'ORDER', 'LIMIT'].includes(keyword(token)),
  );
  const head = firstClause < 0 ? level : level.slice(0, firstClause);
  const on = head.findLastIndex((token) => keyword(token) === 'ON');
  if (on < 0 || isInFromClause(tokens, start)) return [];
  const places: number[] = [];
  let hasValues = false;
  let last: Token | undefined;
  for (const token of [...level.slice(on + 1), undefined]) {
    const isEnd = token === undefined || CLAUSES.has(keyword(token));
    if (isEnd || (token.kind === 'symbol' && token.text === ',')) {
      if (!hasValues && last !== undefined) places.push(last.end);
      if (isEnd) break;
      hasValues = false;
      last = undefined;
      continue;
    }
    hasValues ||= keyword(token) === 'IN';
    last = token;
  }
  return places;
}

/** `t PIVOT (… FOR x IN (…))` always gives its values; what follows belongs to others. */
function isInFromClause(tokens: readonly Token[], start: number): boolean {
  if (tokens[start]?.text !== '(') return false;
  return levelTokens(tokens, start + 1).some((token) => keyword(token) === 'FOR');
}

/** Tokens from a place on outside of parentheses that open after it, until one closes that was open before. */
function levelTokens(tokens: readonly Token[], start: number): readonly Token[] {
  const level: Token[] = [];
  let depth = 0;
  for (const token of tokens.slice(start)) {
    const symbol = token.kind === 'symbol' ? token.text : '';
    if (symbol === ';') break;
    if (')]}'.includes(symbol) && symbol !== '') depth -= 1;
    if (depth < 0) break;
    if (depth === 0) level.push(token);
    if ('([{'.includes(symbol) && symbol !== '') depth += 1;
  }
  return level;
}

function keyword(token: Token): string {
  return token.kind === 'word' ? token.text.toUpperCase() : '';
}
