import type { FragmentId } from '../../common/ids.ts';
import { formatColumnType, quoteString, type Column } from '../../common/plan/column-type.ts';
import { type QueryPlan } from '../../common/plan/plan-fragment.ts';

/** Rows that the planner already knows, as text; null = NULL. Each is cast to its column's type. */
export interface KnownRows {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** A plan whose answer are these rows, in their order: one fragment on any worker. */
export function valuesPlan({ columns, rows }: KnownRows, reason: string): QueryPlan {
  const casts = columns.map(
    ({ type }, index) => `CAST(c${index} AS ${formatColumnType(type)}) AS c${index}`,
  );
  const names = columns.map((_, index) => `c${index}`);
  const sql = `SELECT ${casts.join(', ')} FROM ${relation(names, rows)}`;
  return {
    fragments: [
      {
        id: 0 as FragmentId,
        sql,
        columns,
        partitioning: { kind: 'single' },
        outputs: [{ consumer: { kind: 'client' }, scheme: { kind: 'single' } }],
        scans: [],
        remoteSources: [],
        inputMode: 'complete',
        determinism: 'deterministic',
        threads: 'worker',
        estimatedRows: rows.length,
        estimatedBytes: rows.flat().reduce((sum, value) => sum + (value?.length ?? 1), 0),
        settings: {},
      },
    ],
    scans: [],
    rung: 'small',
    rungReason: reason,
  };
}

function relation(names: readonly string[], rows: KnownRows['rows']): string {
  if (rows.length === 0)
    return `(SELECT ${names.map((name) => `NULL AS ${name}`).join(', ')} LIMIT 0)`;
  const values = rows.map((row) => {
    const cells = row.map((value) => (value === null ? 'NULL' : quoteString(value)));
    return `(${cells.join(', ')})`;
  });
  return `(VALUES ${values.join(', ')}) AS known(${names.join(', ')})`;
}
