import { type ColumnType, sameColumnType } from '../../../common/plan/column-type.ts';
import { type Expression } from '../../logical/expression.ts';

/**
 * DuckDB's binder widens the operands of decimal arithmetic to the result it chose, so binding them once more
 * would choose a wider one. These are its rules (arithmetic.cpp), to find operands that bind to the same result.
 */
export type DecimalType = ColumnType & { readonly id: 'DECIMAL' };

const MAX_WIDTH = 38;
const MAX_WIDTH_INT64 = 18;

/** The type that `left operator right` binds to; `undefined` when it cannot be bound. */
export function decimalResult(
  operator: string,
  left: DecimalType,
  right: DecimalType,
): DecimalType | undefined {
  const maxWidth = Math.max(left.width, right.width);
  switch (operator) {
    case '+':
    case '-': {
      const scale = Math.max(left.scale, right.scale);
      const whole = Math.max(left.width - left.scale, right.width - right.scale);
      const width = Math.max(scale + whole, maxWidth) + 1;
      const isCapped = width > MAX_WIDTH_INT64 && maxWidth <= MAX_WIDTH_INT64;
      return {
        id: 'DECIMAL',
        width: isCapped ? MAX_WIDTH_INT64 : Math.min(width, MAX_WIDTH),
        scale,
      };
    }
    case '*': {
      const scale = left.scale + right.scale;
      const width = left.width + right.width;
      if (scale > MAX_WIDTH) return undefined;
      const isCapped =
        width > MAX_WIDTH_INT64 && maxWidth <= MAX_WIDTH_INT64 && scale < MAX_WIDTH_INT64;
      return {
        id: 'DECIMAL',
        width: isCapped ? MAX_WIDTH_INT64 : Math.min(width, MAX_WIDTH),
        scale,
      };
    }
    default:
      return undefined;
  }
}

/** Forms of an operand with equal value and scale, narrowest first; a constant becomes a bare literal. */
export function operandForms(arg: Expression): readonly Expression[] {
  if (arg.type.id !== 'DECIMAL') return [];
  const { scale } = arg.type;
  if (arg.kind === 'constant' && typeof arg.value === 'bigint' && scale > 0) {
    const digits = String(arg.value < 0n ? -arg.value : arg.value).padStart(scale + 1, '0').length;
    return [{ ...arg, type: { id: 'DECIMAL', width: digits, scale } }, arg];
  }
  const isWidening =
    arg.kind === 'cast' &&
    !arg.isTry &&
    arg.child.type.id === 'DECIMAL' &&
    arg.child.type.scale === scale &&
    arg.child.type.width <= arg.type.width;
  return isWidening ? [arg.child, arg] : [arg];
}

/** The first forms of both operands that bind to `result`, if any do. */
export function operandsFor(
  operator: string,
  operands: { readonly left: Expression; readonly right: Expression },
  result: DecimalType,
): { readonly left: Expression; readonly right: Expression } | undefined {
  for (const left of operandForms(operands.left)) {
    for (const right of operandForms(operands.right)) {
      if (left.type.id !== 'DECIMAL' || right.type.id !== 'DECIMAL') continue;
      const bound = decimalResult(operator, left.type, right.type);
      if (bound !== undefined && sameColumnType(bound, result)) return { left, right };
    }
  }
  return undefined;
}
