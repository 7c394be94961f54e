/** SUMMARIZE as a query: the aggregates that DuckDB makes of it, so that they are distributed like any others. */
import { assertNever } from '../../common/assert.ts';
import { type Column, type ColumnType, quoteString } from '../../common/plan/column-type.ts';

/** What of a column is summarized beside its extremes and counts. */
type Family = 'number' | 'instant' | 'other';

export interface DescribedColumn extends Column {
  /** The type as DuckDB shows it. */
  readonly typeText: string;
}

interface SummarizedColumn extends DescribedColumn {
  /** Number of the column, which its aggregates are called by. */
  readonly index: number;
  readonly family: Family;
}

/** The aggregates over a column. */
const AGGREGATES: Readonly<Record<string, (column: string) => string>> = {
  least: (column) => `min(${column})`,
  most: (column) => `max(${column})`,
  uniques: (column) => `approx_count_distinct(${column})`,
  average: (column) => `avg(${column})`,
  deviation: (column) => `stddev(${column})`,
  low: (column) => `approx_quantile(${column}, 0.25)`,
  middle: (column) => `approx_quantile(${column}, 0.50)`,
  high: (column) => `approx_quantile(${column}, 0.75)`,
  present: (column) => `count(${column})`,
};

const OF_ALL = ['least', 'most', 'uniques', 'present'];
const OF_FAMILY: Readonly<Record<Family, readonly string[]>> = {
  number: [...OF_ALL, 'average', 'deviation', 'low', 'middle', 'high'],
  instant: [...OF_ALL, 'average', 'low', 'middle', 'high'],
  other: OF_ALL,
};

/** The names of the answer's columns, each with what stands in its row for one column. */
const CELLS: Readonly<Record<string, (column: SummarizedColumn) => string>> = {
  column_name: ({ name }) => quoteString(name),
  column_type: ({ typeText }) => quoteString(typeText),
  min: (column) => text(column, 'least'),
  max: (column) => text(column, 'most'),
  approx_unique: ({ index }) => `uniques_${index}`,
  avg: (column) => text(column, 'average'),
  std: (column) => text(column, 'deviation'),
  q25: (column) => text(column, 'low'),
  q50: (column) => text(column, 'middle'),
  q75: (column) => text(column, 'high'),
  count: () => 'total',
  null_percentage: ({ index }) =>
    `CAST(CASE WHEN total > 0 THEN (1e0 - CAST(present_${index} AS DOUBLE) / CAST(total AS DOUBLE)) * 100e0 END AS DECIMAL(9,2))`,
};

/** One row for each column of the query. */
export function summarizeSql(query: string, columns: readonly DescribedColumn[]): string {
  const summarized = columns.map((column, index) => {
    return { ...column, index, family: familyOf(column.type) };
  });
  const names = summarized.map(({ index }) => `s${index}`).join(', ');
  const aggregates = summarized.flatMap(({ index, family }) =>
    OF_FAMILY[family].map((name) => `${AGGREGATES[name]?.(`s${index}`) ?? ''} AS ${name}_${index}`),
  );
  const lists = Object.entries(CELLS).map(
    ([name, cell]) => `[${summarized.map(cell).join(', ')}] AS "${name}"`,
  );
  const rows = Object.keys(CELLS).map((name) => `unnest("${name}") AS "${name}"`);
  const aggregated = `SELECT count(*) AS total, ${aggregates.join(', ')} FROM (${query}) AS summarized(${names})`;
  return `SELECT ${rows.join(', ')} FROM (SELECT ${lists.join(', ')} FROM (${aggregated}))`;
}

/** What the column's type has no such aggregate for is NULL. */
function text({ index, family }: SummarizedColumn, aggregate: string): string {
  const isThere = OF_FAMILY[family].includes(aggregate);
  return isThere ? `CAST(${aggregate}_${index} AS VARCHAR)` : 'NULL';
}

/** As DuckDB calls types numeric or temporal; an interval is neither. */
function familyOf(type: ColumnType): Family {
  switch (type.id) {
    case 'TINYINT':
    case 'SMALLINT':
    case 'INTEGER':
    case 'BIGINT':
    case 'HUGEINT':
    case 'UTINYINT':
    case 'USMALLINT':
    case 'UINTEGER':
    case 'UBIGINT':
    case 'UHUGEINT':
    case 'FLOAT':
    case 'DOUBLE':
    case 'DECIMAL':
      return 'number';
    case 'DATE':
    case 'TIME':
    case 'TIME_NS':
    case 'TIME WITH TIME ZONE':
    case 'TIMESTAMP':
    case 'TIMESTAMP_S':
    case 'TIMESTAMP_MS':
    case 'TIMESTAMP_NS':
    case 'TIMESTAMP WITH TIME ZONE':
      return 'instant';
    case 'BOOLEAN':
    case 'INTERVAL':
    case 'VARCHAR':
    case 'BLOB':
    case 'BIT':
    case 'UUID':
    case 'BIGNUM':
    case 'JSON':
    case 'VARIANT':
    case 'NULL':
    case 'ENUM':
    case 'GEOMETRY':
    case 'LIST':
    case 'ARRAY':
    case 'STRUCT':
    case 'MAP':
    case 'UNION':
      return 'other';
    default:
      return assertNever(type);
  }
}
