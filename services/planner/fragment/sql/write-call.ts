import {
  type AggregateCall,
  type Expression,
  type FrameBound,
  type WindowCall,
  type WindowFrame,
} from '../../logical/expression.ts';
import { sameExpression } from '../../distribution/same-expression.ts';
import { type ColumnSql, writeExpression, writeSortKeys } from './write-expression.ts';
import { functionName } from './write-function.ts';
import { writeExported, writeMerged } from './write-state.ts';

/** An aggregate call over the columns of the aggregated relation. */
export function writeAggregate(call: AggregateCall, columns: ColumnSql): string {
  const { state } = call;
  if (state?.kind === 'merge') {
    const states = call.args.map((arg) => writeExpression(arg, columns)).join(', ');
    return writeMerged(state.aggregate, states);
  }
  const written = writeCall(call, columns);
  return state === undefined ? written : writeExported(written);
}

/** A window call with its OVER clause. */
export function writeWindow(call: WindowCall, columns: ColumnSql): string {
  const { name, args, distinct, filter, ignoreNulls } = call;
  const written = writeCall(
    {
      name,
      args,
      distinct,
      orderBy: call.argOrderBy,
      ignoreNulls,
      ...(filter === undefined ? {} : { filter }),
    },
    columns,
  );
  return `${written} OVER (${writeOver(call, columns)})`;
}

interface Call {
  readonly name: string;
  readonly args: AggregateCall['args'];
  readonly distinct: boolean;
  readonly orderBy: AggregateCall['orderBy'];
  readonly filter?: AggregateCall['filter'];
  readonly ignoreNulls?: boolean;
}

function writeCall(call: Call, columns: ColumnSql): string {
  const args = call.args.map((arg) => writeArgument(asSorted(arg, call), columns)).join(', ');
  const orderBy = isOrderedConstant(call) ? [] : call.orderBy;
  const isCountOfRows = call.name === 'count_star';
  const inner = [
    ...(call.distinct ? ['DISTINCT'] : []),
    isCountOfRows ? '*' : args,
    ...(orderBy.length === 0 ? [] : [`ORDER BY ${writeSortKeys(orderBy, columns)}`]),
    ...(call.ignoreNulls === true ? ['IGNORE NULLS'] : []),
  ].filter((part) => part !== '');
  const name = isCountOfRows ? 'count' : functionName(call.name);
  const filter =
    call.filter === undefined ? '' : ` FILTER (WHERE ${writeExpression(call.filter, columns)})`;
  return `${name}(${inner.join(' ')})${filter}`;
}

/** With DISTINCT only arguments may be sort keys: as they were before the binder cast them to what the function takes. */
function asSorted(arg: Expression, { distinct, orderBy }: Call): Expression {
  if (!distinct || arg.kind !== 'cast' || arg.isTry) return arg;
  const isKey = orderBy.some(({ expression }) => sameExpression(expression, arg.child));
  return isKey ? arg.child : arg;
}

/** A bare literal would bind to overloads of other types as well. */
function writeArgument(arg: Expression, columns: ColumnSql): string {
  const text = writeExpression(arg, columns);
  const isLiteral = arg.kind === 'constant' && /^(INTEGER|VARCHAR)$/.test(arg.type.id);
  return isLiteral && !text.includes('::') ? `${text}::${arg.type.id}` : text;
}

/** To mode, a constant before ORDER BY is a fraction of WITHIN GROUP. */
function isOrderedConstant({ name, args }: Call): boolean {
  return name === 'mode' && args.every(({ kind }) => kind === 'constant');
}

function writeOver(call: WindowCall, columns: ColumnSql): string {
  const parts: string[] = [];
  if (call.partitionBy.length > 0) {
    const partitions = call.partitionBy.map((expression) => writeExpression(expression, columns));
    parts.push(`PARTITION BY ${partitions.join(', ')}`);
  }
  if (call.orderBy.length > 0) {
    parts.push(`ORDER BY ${writeSortKeys(call.orderBy, columns)}`);
  }
  const frame = writeFrame(call.frame, columns);
  if (frame !== '') parts.push(frame);
  return parts.join(' ');
}

/** Empty for the frame that every window function has without one. */
function writeFrame(frame: WindowFrame, columns: ColumnSql): string {
  const isDefault =
    frame.unit === 'RANGE' &&
    frame.start.kind === 'unbounded-preceding' &&
    frame.end.kind === 'current-row' &&
    frame.exclude === 'NO OTHERS';
  if (isDefault) return '';
  const bounds = `BETWEEN ${writeBound(frame.start, columns)} AND ${writeBound(frame.end, columns)}`;
  const exclude = frame.exclude === 'NO OTHERS' ? '' : ` EXCLUDE ${frame.exclude}`;
  return `${frame.unit} ${bounds}${exclude}`;
}

function writeBound(bound: FrameBound, columns: ColumnSql): string {
  switch (bound.kind) {
    case 'unbounded-preceding':
      return 'UNBOUNDED PRECEDING';
    case 'unbounded-following':
      return 'UNBOUNDED FOLLOWING';
    case 'current-row':
      return 'CURRENT ROW';
    case 'preceding':
      return `${writeExpression(bound.offset, columns)} PRECEDING`;
    case 'following':
      return `${writeExpression(bound.offset, columns)} FOLLOWING`;
  }
}
