/** Keys as columns, through operators that hand values on as they are. */
import { type Expression } from '../logical/expression.ts';
import {
  type AnyJoin,
  type CrossProduct,
  type Join,
  type LogicalPlan,
} from '../logical/logical-plan.ts';

/** From narrow to wide, signed and unsigned. */
const BITS: Readonly<Record<string, number>> = {
  TINYINT: 8,
  SMALLINT: 16,
  INTEGER: 32,
  BIGINT: 64,
  HUGEINT: 128,
  UTINYINT: 8,
  USMALLINT: 16,
  UINTEGER: 32,
  UBIGINT: 64,
  UHUGEINT: 128,
};

/** The column whose value the key has, at most as a wider integer; undefined when it is computed. */
export function keyColumnOf(key: Expression): number | undefined {
  if (key.kind === 'column') return key.index;
  if (key.kind !== 'cast' || key.isTry || !isWidening(key.child.type.id, key.type.id)) {
    return undefined;
  }
  return keyColumnOf(key.child);
}

function isWidening(from: string, to: string): boolean {
  const [fromBits, toBits] = [BITS[from], BITS[to]];
  if (fromBits === undefined || toBits === undefined) return false;
  const [isFromSigned, isToSigned] = [!from.startsWith('U'), !to.startsWith('U')];
  if (isFromSigned === isToSigned) return fromBits <= toBits;
  return isToSigned && fromBits < toBits;
}

export interface SideColumn {
  readonly side: 'left' | 'right';
  readonly child: LogicalPlan;
  readonly column: number;
}

/** The input column behind a join's output column; undefined for the mark of a mark join. */
export function joinedColumn(
  plan: Join | AnyJoin | CrossProduct,
  column: number,
): SideColumn | undefined {
  const { left, right } = plan;
  const all = (side: LogicalPlan): readonly number[] => side.columns.map((_, index) => index);
  const output =
    plan.kind === 'cross-product' ? { left: all(left), right: all(right) } : plan.output;
  const ofLeft = output.left[column];
  if (ofLeft !== undefined) return { side: 'left', child: left, column: ofLeft };
  const ofRight = output.right[column - output.left.length];
  return ofRight === undefined ? undefined : { side: 'right', child: right, column: ofRight };
}
