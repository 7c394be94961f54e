import type { FragmentId } from '../../common/ids.ts';
import {
  formatColumnType,
  quoteIdentifier,
  quoteString,
  type Column,
} from '../../common/plan/column-type.ts';
import { type QueryPlan } from '../../common/plan/plan-fragment.ts';

/** Rows that the planner already knows, as text; null = NULL. Each is cast to its column's type. */
export interface KnownRows {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** A plan whose answer are these rows, in their order: one fragment on any worker. */
export function valuesPlan(known: KnownRows, reason: string): QueryPlan {
  const { columns, rows } = known;
  const sql = selectKnown(
    known,
    columns.map((_, index) => `c${index}`),
  );
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

/** A query whose answer are these rows, under the names of their columns. */
export function knownRowsSql(known: KnownRows): string {
  return selectKnown(
    known,
    known.columns.map(({ name }) => quoteIdentifier(name)),
  );
}

function selectKnown({ columns, rows }: KnownRows, names: readonly string[]): string {
  const casts = columns.map(
    ({ type }, index) => `CAST(c${index} AS ${formatColumnType(type)}) AS ${names[index]}`,
  );
  const cells = columns.map((_, index) => `c${index}`);
  return `SELECT ${casts.join(', ')} FROM ${relation(cells, rows)}`;
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
