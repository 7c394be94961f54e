/** A value of a result, ready to be shown: scalars are text already, and know whether JSON needs quotes. */
export type Cell =
  | { readonly kind: 'null' }
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'boolean'; readonly text: 'true' | 'false' }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly Cell[] }
  | { readonly kind: 'struct'; readonly fields: readonly (readonly [string, Cell])[] }
  | { readonly kind: 'map'; readonly entries: readonly (readonly [Cell, Cell])[] };

export const NULL_CELL: Cell = { kind: 'null' };

/** DuckDB's cast to VARCHAR; a top-level NULL is for the format to show. */
export function cellText(cell: Cell): string {
  switch (cell.kind) {
    case 'null':
      return 'NULL';
    case 'list':
      return `[${cell.items.map(nestedText).join(', ')}]`;
    case 'struct':
      return `{${cell.fields.map(([name, value]) => `'${name}': ${nestedText(value)}`).join(', ')}}`;
    case 'map':
      return `{${cell.entries.map(([key, value]) => `${nestedText(key)}=${nestedText(value)}`).join(', ')}}`;
    default:
      return cell.text;
  }
}

/** Inside a nested value DuckDB quotes texts that would not read back as they are. */
function nestedText(cell: Cell): string {
  if (cell.kind !== 'text') return cellText(cell);
  const plain =
    cell.text !== '' &&
    cell.text.toUpperCase() !== 'NULL' &&
    !/^\s|\s$|['"\\,:=()[\]{}]/.test(cell.text);
  if (plain) return cell.text;
  return `'${cell.text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

export function cellJson(cell: Cell): string {
  switch (cell.kind) {
    case 'null':
      return 'null';
    case 'number':
      // NaN and the infinities have no JSON number.
      return /^-?\d/.test(cell.text) ? cell.text : JSON.stringify(cell.text);
    case 'boolean':
      return cell.text;
    case 'text':
      return JSON.stringify(cell.text);
    case 'list':
      return `[${cell.items.map(cellJson).join(',')}]`;
    case 'struct':
      return `{${cell.fields.map(([name, value]) => `${JSON.stringify(name)}:${cellJson(value)}`).join(',')}}`;
    case 'map':
      return `{${cell.entries.map(([key, value]) => `${JSON.stringify(cellText(key))}:${cellJson(value)}`).join(',')}}`;
  }
}
