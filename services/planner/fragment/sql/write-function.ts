import {
  formatColumnType,
  quoteIdentifier,
  sameColumnType,
} from '../../../common/plan/column-type.ts';
import { type Constant, type Expression, type FunctionCall } from '../../logical/expression.ts';
import { UnsupportedError } from '../../logical/unsupported.ts';
import { type DecimalType, operandsFor } from './decimal-arithmetic.ts';
import { atom, LEVEL, operand, type Sql } from './sql.ts';
import { writeBareConstant, writeConstant } from './write-constant.ts';

interface Infix {
  readonly sign: string;
  /** Operands bind tighter than this. */
  readonly level: number;
  /** How tightly the whole binds, where that is another level. */
  readonly result?: number;
}

/** Functions that SQL writes as operators between their two arguments. */
const INFIX: ReadonlyMap<string, Infix> = new Map([
  ['+', { sign: '+', level: LEVEL.additive }],
  ['-', { sign: '-', level: LEVEL.additive }],
  ['*', { sign: '*', level: LEVEL.multiplicative }],
  ['/', { sign: '/', level: LEVEL.multiplicative }],
  ['//', { sign: '//', level: LEVEL.multiplicative }],
  ['%', { sign: '%', level: LEVEL.multiplicative }],
  ['||', { sign: '||', level: LEVEL.operator }],
  ['~~', { sign: 'LIKE', level: LEVEL.operator, result: LEVEL.comparison }],
  ['!~~', { sign: 'NOT LIKE', level: LEVEL.operator, result: LEVEL.comparison }],
  ['~~*', { sign: 'ILIKE', level: LEVEL.operator, result: LEVEL.comparison }],
  ['!~~*', { sign: 'NOT ILIKE', level: LEVEL.operator, result: LEVEL.comparison }],
  ['~~~', { sign: 'GLOB', level: LEVEL.operator, result: LEVEL.comparison }],
]);

/** Words that the grammar reads as something else than a function's name before a parenthesis. */
const GRAMMAR_WORDS = new Set([
  'position',
  'overlay',
  'extract',
  'trim',
  'collation',
  'row',
  'map',
  'try',
]);

/** Functions whose integer arguments are lengths and positions: one overload, no literal can miss it. */
const POSITIONAL = new Set([
  'substring',
  'substr',
  'left',
  'right',
  'array_extract',
  'list_extract',
]);

const SLICES = new Set(['array_slice', 'list_slice']);

/** A call with its arguments written by `inner`. */
export function writeFunction(call: FunctionCall, inner: (child: Expression) => Sql): Sql {
  const infix = INFIX.get(call.name);
  const [left, right] = call.args;
  if (infix !== undefined && left !== undefined && right !== undefined) {
    return writeInfix({ call, left, right, infix }, inner);
  }
  if (SLICES.has(call.name) && call.args.some(isOpenBound)) return writeSlice(call, inner);
  if (call.name === '-' && left !== undefined)
    return atom(`(-${operand(inner(left), LEVEL.multiplicative)})`);
  return atom(`${functionName(call.name)}(${writeArgs(call, inner).join(', ')})`);
}

/** `x[from:to:step]` with a bound left out, which only the brackets can say; to the binder it is an empty list. */
function writeSlice({ args }: FunctionCall, inner: (child: Expression) => Sql): Sql {
  const [sliced, from, to, step] = args;
  if (sliced === undefined || from === undefined || to === undefined)
    throw new UnsupportedError('a slice without bounds');
  const bound = (arg: Expression, missing: string): string =>
    isOpenBound(arg) ? missing : inner(arg).text;
  const bounds =
    step === undefined
      ? `${bound(from, '')}:${bound(to, '')}`
      : `${bound(from, '')}:${bound(to, '-')}:${inner(step).text}`;
  return atom(`(${inner(sliced).text})[${bounds}]`);
}

function isOpenBound(arg: Expression): boolean {
  return arg.kind === 'constant' && arg.type.id === 'LIST';
}

/** A name as it stands before the parenthesis of a call. */
export function functionName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !GRAMMAR_WORDS.has(name) ? name : quoteIdentifier(name);
}

function writeArgs(call: FunctionCall, inner: (child: Expression) => Sql): readonly string[] {
  const names = argumentNames(call);
  return call.args.map((arg, i) => {
    const name = names[i];
    const isBare = arg.kind === 'constant' && POSITIONAL.has(call.name);
    const written = isBare ? writeBareConstant(arg) : pinned(arg, inner);
    return name === undefined ? written : `${quoteIdentifier(name)} := ${written}`;
  });
}

/** An INTEGER literal would bind to narrower overloads as well. */
function pinned(arg: Expression, inner: (child: Expression) => Sql): string {
  if (arg.kind !== 'constant' || arg.type.id !== 'INTEGER') return inner(arg).text;
  const text = writeConstant(arg);
  return text.includes('::') ? text : `${text}::INTEGER`;
}

/** Functions that name the members of their result by the names of their arguments. */
function argumentNames(call: FunctionCall): readonly (string | undefined)[] {
  const { name, type, args } = call;
  if (name === 'struct_pack' && type.id === 'STRUCT') return type.fields.map((field) => field.name);
  if (name === 'union_value' && type.id === 'UNION')
    return type.members.map((member) => member.name);
  if (name === 'struct_insert' && type.id === 'STRUCT') {
    const inserted = type.fields.slice(type.fields.length - (args.length - 1));
    return [undefined, ...inserted.map((field) => field.name)];
  }
  return [];
}

interface InfixCall {
  readonly call: FunctionCall;
  readonly left: Expression;
  readonly right: Expression;
  readonly infix: Infix;
}

function writeInfix(infixCall: InfixCall, inner: (child: Expression) => Sql): Sql {
  const { call, left, right, infix } = infixCall;
  if (call.type.id === 'DECIMAL' && infix.level >= LEVEL.additive) {
    return writeDecimalArithmetic(infixCall, call.type, inner);
  }
  const text = [
    isBare(left, right) ? writeBareConstant(left) : operand(inner(left), infix.level),
    infix.sign,
    isBare(right, left) ? writeBareConstant(right) : operand(inner(right), infix.level),
  ].join(' ');
  return { text, level: infix.result ?? infix.level };
}

/** The binder would widen the result once more, so operands are found that give it, or it is cast back. */
function writeDecimalArithmetic(
  { call, left, right, infix }: InfixCall,
  type: DecimalType,
  inner: (child: Expression) => Sql,
): Sql {
  const operands = operandsFor(call.name, { left, right }, type);
  const write = (side: Expression): string =>
    side.kind === 'constant' && operands !== undefined
      ? writeDecimalOperand(side)
      : operand(inner(side), infix.level);
  const sides = operands ?? { left, right };
  const text = `${write(sides.left)} ${infix.sign} ${write(sides.right)}`;
  if (operands !== undefined) return { text, level: infix.level };
  return atom(`CAST(${text} AS ${formatColumnType(type)})`);
}

/** A literal whose digits are its width needs no cast. */
function writeDecimalOperand(constant: Constant): string {
  const bare = writeBareConstant(constant);
  const digits = bare.replace(/[^0-9]/g, '').length;
  const isExact = constant.type.id === 'DECIMAL' && constant.type.width === digits;
  return isExact ? bare : writeConstant(constant);
}

/** A constant beside a value of its own type needs no cast of its own. */
function isBare(side: Expression, other: Expression): side is Constant {
  return (
    side.kind === 'constant' && other.kind !== 'constant' && sameColumnType(side.type, other.type)
  );
}
