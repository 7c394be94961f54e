import { type Sql } from './sql.ts';

/**
 * One SELECT in the making. Operators add their clause while SQL's order of evaluation allows it
 * (`stage` says how far that order has come); otherwise the block is sealed into a subquery first.
 */
export interface SelectBlock {
  /** Undefined: a SELECT without FROM, one row. */
  readonly from: string | undefined;
  /** FROM is a join, not one relation. */
  readonly isJoin: boolean;
  readonly where: readonly string[];
  /** GROUP BY list; empty for an aggregate over all rows. */
  readonly groupBy: string;
  /** Aggregates without keys: only those in its list make the SELECT one row. */
  readonly isOneGroup: boolean;
  readonly having: readonly string[];
  readonly columns: readonly BlockColumn[];
  readonly distinct: string;
  readonly orderBy: string;
  readonly limit: string;
  readonly stage: Stage;
}

/** What an output column is computed from. */
export interface BlockColumn extends Sql {
  /**
   * `plain`: a column of a relation · `constant` · `shared`: may be repeated, DuckDB computes it once
   * (aggregates, group keys) · `computed`: should stand in the statement once · `volatile`: must.
   */
  readonly kind: 'plain' | 'constant' | 'shared' | 'computed' | 'volatile';
}

/** rows = FROM and WHERE · grouped = GROUP BY, HAVING · windowed · unnested · distinct · ordered · limited. */
export type Stage =
  'rows' | 'grouped' | 'windowed' | 'unnested' | 'distinct' | 'ordered' | 'limited';

/** A relation read as it is: `SELECT columns FROM from`. */
export function rowsOf(from: string | undefined, columns: readonly BlockColumn[]): SelectBlock {
  return {
    from,
    isJoin: false,
    where: [],
    groupBy: '',
    isOneGroup: false,
    having: [],
    columns,
    distinct: '',
    orderBy: '',
    limit: '',
    stage: 'rows',
  };
}

/** The statement, a clause a line, its columns called c0…cn. */
export function renderSelect(block: SelectBlock): string {
  const columns = block.columns.map(({ text }, i) => {
    const isNamed = text.endsWith(`.c${i}`) && block.columns[i]?.kind === 'plain';
    return isNamed ? text : `${text} AS c${i}`;
  });
  const list = columns.length === 0 ? 'NULL AS c0' : columns.join(', ');
  return [
    `SELECT ${block.distinct === '' ? '' : `${block.distinct} `}${list}`,
    ...(block.from === undefined ? [] : [`FROM ${block.from}`]),
    ...(block.where.length === 0 ? [] : [`WHERE ${block.where.join(' AND ')}`]),
    ...(block.groupBy === '' ? [] : [`GROUP BY ${block.groupBy}`]),
    ...(block.having.length === 0 ? [] : [`HAVING ${block.having.join(' AND ')}`]),
    ...(block.orderBy === '' ? [] : [`ORDER BY ${block.orderBy}`]),
    ...(block.limit === '' ? [] : [block.limit]),
  ].join('\n');
}

/** A statement in parentheses, as part of another. */
export function subquery(sql: string): string {
  return sql.includes('\n') ? `(\n  ${sql.replaceAll('\n', '\n  ')}\n)` : `(${sql})`;
}
