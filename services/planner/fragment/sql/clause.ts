import { type Expression } from '../../logical/expression.ts';
import { columnsIn, isVolatile, walkExpression } from '../../logical/expression-tree.ts';
import { type BlockColumn, type SelectBlock } from './select-block.ts';
import { write } from './write-expression.ts';

/** What a clause asks of the block it is added to. */
export interface Clause {
  readonly stages: readonly SelectBlock['stage'][];
  /** The block's columns stay in the output. */
  readonly keepsColumns: boolean;
  /** Expressions of GROUP BY, ORDER BY and their like, where a bare constant would be read as a position. */
  readonly keys?: readonly Expression[];
}

/** Whether the clause, which reads the expressions, can be added to the block as it stands. */
export function mayFollow(
  block: SelectBlock,
  read: readonly Expression[],
  clause: Clause,
): boolean {
  return (
    clause.stages.includes(block.stage) &&
    (block.stage === 'rows' || !read.some(triesAnything)) &&
    !readsConstantKey(clause.keys ?? [], block) &&
    !writesTwice(read, block, clause)
  );
}

/** DuckDB 1.5.5 does not bind TRY over a column of GROUP BY, or over a window call. */
function triesAnything(expression: Expression): boolean {
  return [...walkExpression(expression)].some(({ kind }) => kind === 'try');
}

function readsConstantKey(keys: readonly Expression[], block: SelectBlock): boolean {
  return keys.some((key) => key.kind === 'column' && block.columns[key.index]?.kind === 'constant');
}

/** Whether a computed column would stand in the statement a second time. */
function writesTwice(read: readonly Expression[], block: SelectBlock, clause: Clause): boolean {
  const uses = new Map<number, number>();
  for (const expression of read) {
    for (const part of walkExpression(expression)) {
      if (part.kind === 'column') uses.set(part.index, (uses.get(part.index) ?? 0) + 1);
    }
  }
  return block.columns.some(({ kind }, index) => {
    const count = (uses.get(index) ?? 0) + (clause.keepsColumns ? 1 : 0);
    return kind === 'volatile' ? read.length > 0 : kind === 'computed' && count > 1;
  });
}

/** An expression over a block's columns as a column of the block that follows. */
export function blockColumn(expression: Expression, input: SelectBlock): BlockColumn {
  const sql = write(expression, input.columns);
  if (expression.kind === 'column') {
    return input.columns[expression.index] ?? { ...sql, kind: 'computed' };
  }
  const reads = [...columnsIn(expression)].map((index) => input.columns[index]?.kind);
  if (isVolatile(expression) || reads.includes('volatile')) return { ...sql, kind: 'volatile' };
  return { ...sql, kind: expression.kind === 'constant' ? 'constant' : 'computed' };
}

/** Everything a call of an aggregate or window function reads but its partition keys. */
export function expressionsOfCall(call: {
  readonly args: readonly Expression[];
  readonly filter?: Expression;
  readonly orderBy: readonly { readonly expression: Expression }[];
}): readonly Expression[] {
  return [
    ...call.args,
    ...(call.filter === undefined ? [] : [call.filter]),
    ...call.orderBy.map((key) => key.expression),
  ];
}
