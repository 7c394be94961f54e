import { type Column, formatColumnType, quoteString } from '../../common/plan/column-type.ts';

/** `columns = {'name': 'TYPE', …}`, which takes the place of looking at the file. */
export function columnsOption(columns: readonly Column[]): string {
  const entries = columns.map(
    ({ name, type }) => `${quoteString(name)}: ${quoteString(formatColumnType(type))}`,
  );
  return `columns = {${entries.join(', ')}}`;
}
