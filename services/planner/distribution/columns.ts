/** Small constructors for positions and the operators above them. */
import { assert } from '../../common/assert.ts';
import { type ColumnType, sameColumnType } from '../../common/plan/column-type.ts';
import { type ColumnRef, type Expression } from '../logical/expression.ts';
import { type Aggregate, type LogicalPlan } from '../logical/logical-plan.ts';
import { rowsOf } from './estimate.ts';

/** The expression itself where it has the type already. */
export function castTo(child: Expression, type: ColumnType): Expression {
  return sameColumnType(child.type, type) ? child : { kind: 'cast', type, child, isTry: false };
}

/** References to all columns of a relation. */
export function referencesTo(columns: readonly ColumnType[], firstIndex = 0): readonly ColumnRef[] {
  return columns.map((type, index) => ({ kind: 'column', type, index: firstIndex + index }));
}

export function referenceTo(columns: readonly ColumnType[], index: number): ColumnRef {
  const type = columns[index];
  assert(type !== undefined, `there is a column ${index}`);
  return { kind: 'column', type, index };
}

/**
 * A projection; the child itself when all its columns stay as they are, one projection where a selection of
 * columns would stand above another.
 */
export function project(child: LogicalPlan, expressions: readonly Expression[]): LogicalPlan {
  if (isIdentity(child, expressions)) return child;
  if (child.kind === 'project') {
    const selected = expressions.map((expression) =>
      expression.kind === 'column' ? child.expressions[expression.index] : undefined,
    );
    if (selected.every((expression) => expression !== undefined) && !repeatsWork(selected)) {
      return project(child.child, selected);
    }
  }
  return {
    kind: 'project',
    child,
    expressions,
    columns: expressions.map(({ type }) => type),
    estimatedRows: rowsOf(child),
  };
}

function isIdentity(child: LogicalPlan, expressions: readonly Expression[]): boolean {
  return (
    expressions.length === child.columns.length &&
    expressions.every(
      (expression, index) => expression.kind === 'column' && expression.index === index,
    )
  );
}

/** A computed column that is selected twice is computed once. */
function repeatsWork(selected: readonly Expression[]): boolean {
  const computed = selected.filter(({ kind }) => kind !== 'column' && kind !== 'constant');
  return new Set(computed).size < computed.length;
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
