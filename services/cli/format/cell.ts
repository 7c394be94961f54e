import { jsonDocument, jsonNumber } from './json-text.ts';

/** A value of a result, ready to be shown: scalars are text already, and know whether JSON needs quotes. */
export type Cell =
  | { readonly kind: 'null' }
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'boolean'; readonly text: 'true' | 'false' }
  | { readonly kind: 'text'; readonly text: string }
  /** The text of a JSON document. */
  | { readonly kind: 'json'; readonly text: string }
  /** `quoted`: whether texts are quoted that would not read back; DuckDB's arrays and lists of JSON do not. */
  | { readonly kind: 'list'; readonly items: readonly Cell[]; readonly quoted: boolean }
  /** The fields of a row without names have empty ones. */
  | { readonly kind: 'struct'; readonly fields: readonly (readonly [string, Cell])[] }
  | { readonly kind: 'map'; readonly entries: readonly (readonly [Cell, Cell])[] }
  | { readonly kind: 'union'; readonly member: string; readonly value: Cell }
  | { readonly kind: 'variant'; readonly value: Cell };

export const NULL_CELL: Cell = { kind: 'null' };

/** DuckDB's cast to VARCHAR; a top-level NULL is for the format to show. */
export function cellText(cell: Cell): string {
  switch (cell.kind) {
    case 'null':
      return 'NULL';
    case 'number':
    case 'boolean':
    case 'text':
    case 'json':
      return cell.text;
    case 'list':
      return `[${cell.items.map(cell.quoted ? nestedText : cellText).join(', ')}]`;
    case 'struct':
      return structText(cell.fields);
    case 'map':
      return `{${cell.entries.map(([key, value]) => `${nestedText(key)}=${nestedText(value)}`).join(', ')}}`;
    case 'union':
    case 'variant':
      return cellText(cell.value);
  }
}

function structText(fields: readonly (readonly [string, Cell])[]): string {
  const isRow = fields.every(([name]) => name === '');
  const texts = fields.map(([name, value]) =>
    isRow ? nestedText(value) : `${quoted(name)}: ${nestedText(value)}`,
  );
  return isRow ? `(${texts.join(', ')})` : `{${texts.join(', ')}}`;
}

/** What DuckDB's lexer for nested values would not read back as the same text without quotes. */
const NEEDS_QUOTES = /^$|^null$|^[ \t\n\v\f\r]|[ \t\n\v\f\r]$|['",:=()[\]{}]/i;

/** Inside a nested value DuckDB quotes texts that would not read back as they are. */
function nestedText(cell: Cell): string {
  if (cell.kind !== 'text' && cell.kind !== 'json') return cellText(cell);
  return NEEDS_QUOTES.test(cell.text) ? quoted(cell.text) : cell.text;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** The value as JSON, on one line. */
export function cellJson(cell: Cell): string {
  switch (cell.kind) {
    case 'null':
      return 'null';
    case 'number':
      return jsonNumber(cell.text);
    case 'boolean':
      return cell.text;
    case 'text':
      return JSON.stringify(cell.text);
    case 'json':
      return jsonDocument(cell.text);
    case 'list':
      return `[${cell.items.map(cellJson).join(',')}]`;
    case 'struct':
      return `{${cell.fields.map(([name, value]) => `${JSON.stringify(name)}:${cellJson(value)}`).join(',')}}`;
    case 'map':
      return `{${cell.entries.map(([key, value]) => `${JSON.stringify(cellText(key))}:${cellJson(value)}`).join(',')}}`;
    case 'union':
      return `{${JSON.stringify(cell.member)}:${cellJson(cell.value)}}`;
    case 'variant':
      return cellJson(cell.value);
  }
}
