import { assertNever } from '../../common/assert.ts';
import { type ColumnRef, type Expression } from './expression.ts';

/** Rebuilds an expression with `rewrite` applied to each direct child. */
export function mapChildren(
  expression: Expression,
  rewrite: (child: Expression) => Expression,
): Expression {
  switch (expression.kind) {
    case 'column':
    case 'constant':
    case 'lambda-parameter':
      return expression;
    case 'function':
      return { ...expression, args: expression.args.map(rewrite) };
    case 'cast':
    case 'not':
    case 'null-test':
    case 'try':
    case 'unnest':
    case 'finalized-state':
      return { ...expression, child: rewrite(expression.child) };
    case 'comparison':
      return { ...expression, left: rewrite(expression.left), right: rewrite(expression.right) };
    case 'conjunction':
    case 'coalesce':
      return { ...expression, children: expression.children.map(rewrite) };
    case 'in-list':
      return {
        ...expression,
        child: rewrite(expression.child),
        values: expression.values.map(rewrite),
      };
    case 'between':
      return {
        ...expression,
        child: rewrite(expression.child),
        lower: rewrite(expression.lower),
        upper: rewrite(expression.upper),
      };
    case 'case': {
      const branches = expression.branches.map((branch) => ({
        when: rewrite(branch.when),
        then: rewrite(branch.then),
      }));
      return { ...expression, branches, otherwise: rewrite(expression.otherwise) };
    }
    case 'lambda':
      return { ...expression, body: rewrite(expression.body) };
    default:
      return assertNever(expression);
  }
}

/** The direct children, in the order they are written. */
export function childrenOfExpression(expression: Expression): readonly Expression[] {
  const children: Expression[] = [];
  mapChildren(expression, (child) => {
    children.push(child);
    return child;
  });
  return children;
}

/** Replaces every column reference; the new expression may be of any kind but must have the same type. */
export function mapColumns(
  expression: Expression,
  replace: (reference: ColumnRef) => Expression,
): Expression {
  if (expression.kind === 'column') return replace(expression);
  return mapChildren(expression, (child) => mapColumns(child, replace));
}

/** Moves every column reference: position n becomes `toPosition(n)`. */
export function remapColumns(
  expression: Expression,
  toPosition: (index: number) => number,
): Expression {
  return mapColumns(expression, (reference) => ({
    ...reference,
    index: toPosition(reference.index),
  }));
}

/** Every expression of the tree, parents first. */
export function* walkExpression(expression: Expression): Generator<Expression> {
  yield expression;
  for (const child of childrenOfExpression(expression)) yield* walkExpression(child);
}

/** Positions of all columns an expression reads. */
export function columnsIn(expression: Expression): ReadonlySet<number> {
  const columns = new Set<number>();
  for (const part of walkExpression(expression)) {
    if (part.kind === 'column') columns.add(part.index);
  }
  return columns;
}

export function isVolatile(expression: Expression): boolean {
  for (const part of walkExpression(expression)) {
    if (part.kind === 'function' && part.isVolatile) return true;
  }
  return false;
}

/** Volatile functions whose values follow from a seed. DuckDB's has 32 bits: of UUIDs it would soon make the same again. */
const SEEDED_FUNCTIONS: ReadonlySet<string> = new Set(['random']);

/** Whether a seed makes the volatile expression give the same values again. */
export function isSeeded(expression: Expression): boolean {
  for (const part of walkExpression(expression)) {
    if (part.kind === 'function' && part.isVolatile && !isSeededFunction(part.name)) return false;
  }
  return true;
}

/** `name`: in lower case. */
export function isSeededFunction(name: string): boolean {
  return SEEDED_FUNCTIONS.has(name);
}
