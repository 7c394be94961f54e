import { type Expression } from '../logical/expression.ts';

/** Structural equality: same operators, constants, columns and types. */
export function sameExpression(a: Expression, b: Expression): boolean {
  return a === b || textOf(a) === textOf(b);
}

export function sameExpressions(a: readonly Expression[], b: readonly Expression[]): boolean {
  return (
    a.length === b.length &&
    a.every((expression, index) => {
      const other = b[index];
      return other !== undefined && sameExpression(expression, other);
    })
  );
}

function textOf(expression: Expression): string {
  return JSON.stringify(expression, (_key, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    return typeof value === 'number' && !Number.isInteger(value) ? `${value}f` : value;
  });
}
