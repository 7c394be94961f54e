/** Small constructors for positions and the operators above them. */
import { assert } from '../../common/assert.ts';
import { type ColumnType } from '../../common/plan/column-type.ts';
import { type ColumnRef, type Expression } from '../logical/expression.ts';
import { type Aggregate, type LogicalPlan, type Project } from '../logical/logical-plan.ts';
import { rowsOf } from './estimate.ts';

/** References to all columns of a relation. */
export function referencesTo(columns: readonly ColumnType[], firstIndex = 0): readonly ColumnRef[] {
  return columns.map((type, index) => ({ kind: 'column', type, index: firstIndex + index }));
}

export function referenceTo(columns: readonly ColumnType[], index: number): ColumnRef {
  const type = columns[index];
  assert(type !== undefined, `there is a column ${index}`);
  return { kind: 'column', type, index };
}

/** A projection; the child itself when all its columns stay as they are. */
export function project(child: LogicalPlan, expressions: readonly Expression[]): LogicalPlan {
  const isIdentity =
    expressions.length === child.columns.length &&
    expressions.every(
      (expression, index) => expression.kind === 'column' && expression.index === index,
    );
  if (isIdentity) return child;
  const projection: Project = {
    kind: 'project',
    child,
    expressions,
    columns: expressions.map(({ type }) => type),
    estimatedRows: rowsOf(child),
  };
  return projection;
}

/** An aggregate, with the columns that follow from its parts. */
export function aggregateOf(parts: Omit<Aggregate, 'kind' | 'columns'>): Aggregate {
  return {
    ...parts,
    kind: 'aggregate',
    columns: [
      ...parts.groups.map(({ type }) => type),
      ...parts.aggregates.map(({ type }) => type),
      ...parts.groupingFunctions.map((): ColumnType => ({ id: 'BIGINT' })),
    ],
  };
}

/** The new places of an input column in a projection's output. */
export function positionsIn(expressions: readonly Expression[]): (column: number) => number[] {
  return (column) =>
    expressions.flatMap((expression, position) =>
      expression.kind === 'column' && expression.index === column ? [position] : [],
    );
}
