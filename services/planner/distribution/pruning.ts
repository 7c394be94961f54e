import { assert } from '../../common/assert.ts';
import { type CteId, type LogicalPlan } from '../logical/logical-plan.ts';

/** Positions among an operator's columns that its parent reads. */
export type Needed = ReadonlySet<number>;

/** An operator after pruning: its column i was column `kept[i]` before. */
export interface Pruned {
  readonly plan: LogicalPlan;
  readonly kept: readonly number[];
}

/** What the rules of the single operators share. */
export interface Pruning {
  /** Columns that references to a CTE read, as far as they have been seen. */
  readonly readOfCte: Map<CteId, Set<number>>;
  /** Exactly the needed columns, in their order; some column when none is needed. */
  prune(plan: LogicalPlan, needed: Needed): Pruned;
}

export function allOf(plan: LogicalPlan): Needed {
  return new Set(plan.columns.keys());
}

export function inOrder(columns: Needed): readonly number[] {
  return [...columns].sort((a, b) => a - b);
}

/** From positions before pruning to positions after it. */
export function positionAfter(kept: readonly number[]): (column: number) => number {
  const positions = new Map(kept.map((column, index) => [column, index]));
  return (column) => {
    const position = positions.get(column);
    assert(position !== undefined, `column ${column} is kept`);
    return position;
  };
}

export function typesAt(plan: LogicalPlan, kept: readonly number[]): LogicalPlan['columns'] {
  return kept.map((column) => {
    const type = plan.columns[column];
    assert(type !== undefined, `there is a column ${column}`);
    return type;
  });
}
