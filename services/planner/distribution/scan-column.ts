import { type LogicalPlan, type Scan } from '../logical/logical-plan.ts';
import { type Expression } from '../logical/expression.ts';
import { decidingColumn } from './partitioning.ts';

/** A column of a scan, as it is in the files. */
export interface ScanColumnRef {
  readonly scan: Scan;
  readonly column: number;
}

/**
 * Where an operator's column comes from, when its value in each row is that of a scan's row, which is another one for
 * another row of the scan only; undefined when it is computed, or may be the NULL of a row without a match.
 */
export function scanColumnOf(plan: LogicalPlan, column: number): ScanColumnRef | undefined {
  switch (plan.kind) {
    case 'scan':
      return plan.fileColumns[column]?.origin === 'file' ? { scan: plan, column } : undefined;
    case 'filter':
      return scanColumnOf(plan.child, column);
    case 'project':
      return scanColumnOfExpression(plan.child, plan.expressions[column]);
    case 'window':
    case 'unnesting':
      return column < plan.child.columns.length ? scanColumnOf(plan.child, column) : undefined;
    case 'join':
    case 'any-join': {
      const { left, right } = plan.output;
      const isLeft = column < left.length;
      const source = isLeft ? left[column] : right[column - left.length];
      if (source === undefined || isFilledWithNulls(plan.joinType, isLeft)) return undefined;
      return scanColumnOf(isLeft ? plan.left : plan.right, source);
    }
    case 'cross-product': {
      const leftCount = plan.left.columns.length;
      return column < leftCount
        ? scanColumnOf(plan.left, column)
        : scanColumnOf(plan.right, column - leftCount);
    }
    default:
      return undefined;
  }
}

/** As `scanColumnOf`, of an expression over the operator's columns: casts between integers keep what is equal equal. */
export function scanColumnOfExpression(
  plan: LogicalPlan,
  expression: Expression | undefined,
): ScanColumnRef | undefined {
  const column = expression === undefined ? undefined : decidingColumn(expression);
  return column === undefined ? undefined : scanColumnOf(plan, column);
}

function isFilledWithNulls(
  joinType: (LogicalPlan & { readonly kind: 'join' })['joinType'],
  isLeft: boolean,
): boolean {
  switch (joinType) {
    case 'full':
      return true;
    case 'left':
    case 'single':
      return !isLeft;
    case 'right':
      return isLeft;
    default:
      return false;
  }
}
