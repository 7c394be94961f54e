import { UnsupportedError } from '../logical/unsupported.ts';
import { type LogicalPlan } from '../logical/logical-plan.ts';

/** The plan with only these of its columns, in this order; the plan itself when nothing changes. */
export function projectColumns(child: LogicalPlan, positions: readonly number[]): LogicalPlan {
  const isIdentity =
    positions.length === child.columns.length && positions.every((position, i) => position === i);
  if (isIdentity) return child;
  const columns = positions.map((position) => {
    const type = child.columns[position];
    if (type === undefined) throw new UnsupportedError('projection of a missing column');
    return type;
  });
  const expressions = positions.map((index, i) => {
    const type = columns[i] ?? { id: 'NULL' as const };
    return { kind: 'column' as const, type, index };
  });
  return { kind: 'project', child, expressions, columns };
}
