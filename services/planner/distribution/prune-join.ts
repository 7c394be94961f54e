import { columnsIn, remapColumns } from '../logical/expression-tree.ts';
import {
  type AnyJoin,
  type CrossProduct,
  type Join,
  type LogicalPlan,
  type PositionalJoin,
} from '../logical/logical-plan.ts';
import { mapOperatorExpressions, operatorExpressions } from './operator-expressions.ts';
import {
  inOrder,
  positionAfter,
  typesAt,
  type Needed,
  type Pruned,
  type Pruning,
} from './pruning.ts';

/** A join drops what is not needed from its output, and from its inputs what neither output nor conditions read. */
export function pruneJoin(pruning: Pruning, plan: Join | AnyJoin, needed: Needed): Pruned {
  const { output } = plan;
  const leftCount = plan.left.columns.length;
  const kept = keptOutput(plan, needed);
  const outputLeft = kept.flatMap((column) => output.left[column] ?? []);
  const outputRight = kept.flatMap((column) => output.right[column - output.left.length] ?? []);
  const read = columnsRead(plan, leftCount);
  const left = pruning.prune(plan.left, new Set([...outputLeft, ...read.left]));
  const right = pruning.prune(plan.right, new Set([...outputRight, ...read.right]));
  const toLeft = positionAfter(left.kept);
  const toRight = positionAfter(right.kept);
  const toBoth = (column: number): number =>
    column < leftCount ? toLeft(column) : left.plan.columns.length + toRight(column - leftCount);
  const remapped = mapOperatorExpressions(plan, (expression, side) =>
    remapColumns(expression, { left: toLeft, right: toRight, both: toBoth }[side]),
  ) as Join | AnyJoin;
  return {
    plan: {
      ...remapped,
      left: left.plan,
      right: right.plan,
      output: { left: outputLeft.map(toLeft), right: outputRight.map(toRight) },
      columns: typesAt(plan, kept),
    },
    kept,
  };
}

/** What a mark or single join is there for stays: the mark, and a value whose second row would be an error. */
function keptOutput(plan: Join | AnyJoin, needed: Needed): readonly number[] {
  const kept = inOrder(new Set([...needed, ...ownColumn(plan)]));
  return kept.length === 0 ? [0] : kept;
}

function ownColumn({ joinType, output, columns }: Join | AnyJoin): readonly number[] {
  if (joinType === 'mark') return [columns.length - 1];
  return joinType === 'single' && output.right.length > 0 ? [output.left.length] : [];
}

function columnsRead(
  plan: Join | AnyJoin,
  leftCount: number,
): { readonly left: readonly number[]; readonly right: readonly number[] } {
  const left: number[] = [];
  const right: number[] = [];
  for (const { expression, side } of operatorExpressions(plan)) {
    for (const column of columnsIn(expression)) {
      if (side === 'left' || (side === 'both' && column < leftCount)) left.push(column);
      else right.push(side === 'both' ? column - leftCount : column);
    }
  }
  return { left, right };
}

export function pruneCrossProduct(
  pruning: Pruning,
  plan: CrossProduct | PositionalJoin,
  needed: Needed,
): Pruned {
  const leftCount = plan.left.columns.length;
  const wanted = inOrder(needed);
  const left = pruning.prune(plan.left, new Set(wanted.filter((column) => column < leftCount)));
  const right = pruning.prune(
    plan.right,
    new Set(wanted.flatMap((column) => (column < leftCount ? [] : [column - leftCount]))),
  );
  const kept = [...left.kept, ...right.kept.map((column) => column + leftCount)];
  const pruned: LogicalPlan = {
    ...plan,
    left: left.plan,
    right: right.plan,
    columns: typesAt(plan, kept),
  };
  return { plan: pruned, kept };
}
