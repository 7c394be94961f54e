import { type Column } from './column-type.ts';

/** One row of EXPLAIN. */
export type ExplainRow = readonly [key: string, value: string];

/** DuckDB's columns. */
export const EXPLAIN_COLUMNS: readonly Column[] = [
  { name: 'explain_key', type: { id: 'VARCHAR' } },
  { name: 'explain_value', type: { id: 'VARCHAR' } },
];
