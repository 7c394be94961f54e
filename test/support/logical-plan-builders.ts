/** Short spellings of logical plans, for tests of the planner. */
import type { ColumnType } from '../../services/common/plan/column-type.ts';
import type {
  AggregateCall,
  ColumnRef,
  Expression,
} from '../../services/planner/logical/expression.ts';
import type {
  Aggregate,
  Join,
  JoinType,
  LogicalPlan,
  Scan,
} from '../../services/planner/logical/logical-plan.ts';

export const BIGINT: ColumnType = { id: 'BIGINT' };
export const DOUBLE: ColumnType = { id: 'DOUBLE' };
export const VARCHAR: ColumnType = { id: 'VARCHAR' };

export function column(index: number, type: ColumnType = BIGINT): ColumnRef {
  return { kind: 'column', type, index };
}

export function constant(value: bigint): Expression {
  return { kind: 'constant', type: BIGINT, value };
}

/** A scan of BIGINT columns, of a file named after its id. */
export function scan(scanId: number, columnCount: number, estimatedRows: number): Scan {
  const columns = Array.from({ length: columnCount }, () => BIGINT);
  return {
    kind: 'scan',
    scanId,
    format: 'parquet',
    files: [`/data/${scanId}.parquet`],
    fileColumns: columns.map((type, index) => ({ name: `column_${index}`, type, origin: 'file' })),
    options: {
      binaryAsString: false,
      fileRowNumber: false,
      hivePartitioning: false,
      hiveTypesAutocast: false,
      hiveTypes: [],
      unionByName: false,
    },
    columns,
    estimatedRows,
  };
}

export function aggregateCall(
  name: string,
  args: readonly Expression[],
  overrides: Partial<AggregateCall> = {},
): AggregateCall {
  return {
    kind: 'aggregate',
    name,
    args,
    type: BIGINT,
    distinct: false,
    orderBy: [],
    ...overrides,
  };
}

export function groupBy(
  child: LogicalPlan,
  groups: readonly Expression[],
  aggregates: readonly AggregateCall[],
): Aggregate {
  return {
    kind: 'aggregate',
    child,
    groups,
    groupingSets: groups.length === 0 ? [] : [groups.map((_, index) => index)],
    aggregates,
    groupingFunctions: [],
    columns: [...groups, ...aggregates].map(({ type }) => type),
    estimatedRows: 10,
  };
}

/** An equi-join of column `leftKey` with column `rightKey`; all columns that the type keeps. */
export function join(
  joinType: JoinType,
  sides: { readonly left: LogicalPlan; readonly right: LogicalPlan },
  keys: readonly [left: number, right: number],
): Join {
  const { left, right } = sides;
  const keepsLeft = joinType !== 'right-semi' && joinType !== 'right-anti';
  const keepsRight = joinType !== 'semi' && joinType !== 'anti' && joinType !== 'mark';
  const output = {
    left: keepsLeft ? [...left.columns.keys()] : [],
    right: keepsRight ? [...right.columns.keys()] : [],
  };
  return {
    kind: 'join',
    joinType,
    left,
    right,
    conditions: [{ operator: '=', left: column(keys[0]), right: column(keys[1]) }],
    output,
    columns: [
      ...output.left.map(() => BIGINT),
      ...output.right.map(() => BIGINT),
      ...(joinType === 'mark' ? [{ id: 'BOOLEAN' } as const] : []),
    ],
    estimatedRows: Math.max(left.estimatedRows ?? 0, right.estimatedRows ?? 0),
  };
}
