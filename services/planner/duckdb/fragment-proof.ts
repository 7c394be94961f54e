import { toEngineError } from '../../common/duckdb/duckdb-error.ts';
import { type Column, type ColumnType, formatColumnType } from '../../common/plan/column-type.ts';
import { type PlanFragment } from '../../common/plan/plan-fragment.ts';
import { writeNull } from '../fragment/sql/write-type.ts';
import { type Refutation } from '../planning/ports.ts';

/**
 * The fragment's SQL over relations like its inputs but without rows: binding it tells the types of its
 * result, and nothing is read.
 */
export function proofStatement({ sql, scans, remoteSources }: PlanFragment): string {
  const inputs = [
    ...scans.map(({ name, columns, partitioning }) =>
      emptyRelation(
        name,
        columns.map(({ type }) => type),
        partitioning?.predicates,
      ),
    ),
    ...remoteSources.map(({ name, types }) => emptyRelation(name, types)),
  ];
  if (inputs.length === 0) return sql;
  return `WITH ${inputs.join(', ')} SELECT * FROM (${sql})`;
}

function emptyRelation(
  name: string,
  types: readonly ColumnType[],
  predicates: readonly string[] = [],
): string {
  const columns = types.map((type, i) => `${writeNull(type)} AS c${i}`);
  const rows = `SELECT ${columns.length === 0 ? 'NULL AS c0' : columns.join(', ')} WHERE FALSE`;
  const filters = predicates.map((predicate) => `(${predicate})`).join(' AND ');
  return `${name} AS (${filters === '' ? rows : `SELECT * FROM (${rows}) WHERE ${filters}`})`;
}

/** How the bound columns differ from those that the fragment declares. */
export function difference(
  bound: readonly Column[],
  declared: readonly Column[],
): Refutation | undefined {
  if (bound.length !== declared.length) {
    return { reason: `${bound.length} columns are bound, ${declared.length} planned` };
  }
  for (const [i, { type }] of bound.entries()) {
    const [is, planned] = [formatColumnType(type), formatColumnType(declared[i]?.type ?? type)];
    if (is !== planned) return { reason: `column ${i} is bound as ${is}, planned as ${planned}` };
  }
  return undefined;
}

/** Why DuckDB does not bind it, in one line. */
export function refusal(thrown: unknown): Refutation {
  const error = toEngineError(thrown);
  return { reason: `${error.code}: ${error.message.split('\n', 1)[0] ?? ''}`, error };
}
