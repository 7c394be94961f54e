import { assertNever } from '../../../common/assert.ts';
import {
  type AnyJoin,
  type CrossProduct,
  type DelimId,
  type DelimJoin,
  type Join,
  type JoinOutput,
  type JoinType,
  type LogicalPlan,
  type PositionalJoin,
} from '../../logical/logical-plan.ts';
import { UnsupportedError } from '../../logical/unsupported.ts';
import {
  type BlockColumn,
  renderSelect,
  rowsOf,
  type SelectBlock,
  subquery,
} from './select-block.ts';
import { atom, LEVEL, operand, type Sql } from './sql.ts';
import { write } from './write-expression.ts';

/** What joins need of the writer of plans. */
export interface JoinWriter {
  block(plan: LogicalPlan): SelectBlock;
  seal(block: SelectBlock): SelectBlock;
  relation(from: string, width: number): SelectBlock;
  addCte(name: string, sql: string): void;
}

/** One comparison of a join, both sides written. */
interface WrittenCondition {
  readonly operator: string;
  readonly left: string;
  readonly right: string;
}

/** What rows must satisfy to match. */
type Match =
  | { readonly kind: 'conditions'; readonly conditions: readonly WrittenCondition[] }
  | { readonly kind: 'predicate'; readonly text: string };

interface Sides {
  readonly left: SelectBlock;
  readonly right: SelectBlock;
}

/** Any join as one block. */
export function writeJoin(
  plan: Join | AnyJoin | CrossProduct | PositionalJoin | DelimJoin,
  writer: JoinWriter,
): SelectBlock {
  if (plan.kind === 'cross-product') {
    const sides = joinableSides(plan, 'inner', writer);
    return fromBoth(sides, { columns: [...sides.left.columns, ...sides.right.columns], on: '' });
  }
  if (plan.kind === 'positional-join') {
    const sides = joinableSides(plan, 'full', writer);
    const columns = [...sides.left.columns, ...sides.right.columns];
    return fromBoth(sides, { columns, on: '', keyword: 'POSITIONAL JOIN' });
  }
  const sides = plan.kind === 'delim-join' ? delimSides(plan, writer) : plainSides(plan, writer);
  const match = writeMatch(plan, sides);
  const { joinType, output } = plan;
  return combine({ joinType, isAsof: isAsof(plan), output, match }, sides, writer);
}

function plainSides(plan: Join | AnyJoin, writer: JoinWriter): Sides {
  // Which right row is the nearest is decided after a WHERE on that side, as it is in a left join.
  return joinableSides(plan, isAsof(plan) ? 'left' : plan.joinType, writer);
}

function isAsof(plan: Join | AnyJoin | DelimJoin): boolean {
  return plan.kind === 'join' && plan.isAsof === true;
}

/** Joins above which a WHERE on this side means the same as below. */
const KEEPS_LEFT: ReadonlySet<JoinType> = new Set([
  'inner',
  'left',
  'semi',
  'anti',
  'mark',
  'single',
]);
const KEEPS_RIGHT: ReadonlySet<JoinType> = new Set([
  'inner',
  'right',
  'right-semi',
  'right-anti',
  'mark',
  'single',
]);

function joinableSides(
  plan: { readonly left: LogicalPlan; readonly right: LogicalPlan },
  joinType: JoinType,
  writer: JoinWriter,
): Sides {
  return {
    left: joinable(writer.block(plan.left), { allowsWhere: KEEPS_LEFT.has(joinType) }, writer),
    right: joinable(writer.block(plan.right), { allowsWhere: KEEPS_RIGHT.has(joinType) }, writer),
  };
}

/**
 * A block that can stand beside JOIN: plain columns only (a computed one would see the NULLs of an outer
 * join), and a WHERE only where it may move above the join.
 */
function joinable(
  block: SelectBlock,
  side: { readonly allowsWhere: boolean },
  writer: JoinWriter,
): SelectBlock {
  const isJoinable =
    block.stage === 'rows' &&
    block.from !== undefined &&
    (side.allowsWhere || block.where.length === 0) &&
    block.columns.every((column) => column.kind === 'plain');
  return isJoinable ? block : writer.seal(block);
}

/**
 * A delim join: its outer side and the distinct keys of it become common table expressions, so that both the
 * join and the delim-gets of the inner side read them.
 */
function delimSides(plan: DelimJoin, writer: JoinWriter): Sides {
  const outerPlan = plan.isFlipped ? plan.right : plan.left;
  const outerName = `outer_${plan.delimId}`;
  writer.addCte(outerName, renderSelect(writer.block(outerPlan)));
  const width = outerPlan.columns.length;
  const keySource = writer.relation(outerName, width);
  const keys = plan.keys.map((key): BlockColumn => {
    const sql = write(key, keySource.columns);
    return { ...sql, kind: 'plain' };
  });
  writer.addCte(
    keysName(plan.delimId),
    renderSelect({ ...keySource, columns: keys, distinct: 'DISTINCT' }),
  );
  const outer = writer.relation(outerName, width);
  const inner = writer.seal(writer.block(plan.isFlipped ? plan.left : plan.right));
  return plan.isFlipped ? { left: inner, right: outer } : { left: outer, right: inner };
}

/** The relation of a delim join's distinct keys. */
export function keysName(id: DelimId): string {
  return `keys_${id}`;
}

function writeMatch(plan: Join | AnyJoin | DelimJoin, sides: Sides): Match {
  if (plan.kind === 'any-join') {
    const columns = [...sides.left.columns, ...sides.right.columns];
    return { kind: 'predicate', text: operand(write(plan.predicate, columns), LEVEL.and) };
  }
  const conditions = plan.conditions.map(({ operator, left, right }) => ({
    operator,
    left: operand(write(left, sides.left.columns), LEVEL.operator),
    right: operand(write(right, sides.right.columns), LEVEL.operator),
  }));
  return { kind: 'conditions', conditions };
}

function matchText(match: Match): string {
  if (match.kind === 'predicate') return match.text;
  if (match.conditions.length === 0) return 'TRUE';
  return match.conditions
    .map(({ operator, left, right }) => `${left} ${operator} ${right}`)
    .join(' AND ');
}

interface Combination {
  readonly joinType: JoinType;
  readonly isAsof: boolean;
  readonly output: JoinOutput;
  readonly match: Match;
}

const JOIN_KEYWORDS = {
  inner: 'JOIN',
  left: 'LEFT JOIN',
  right: 'RIGHT JOIN',
  full: 'FULL JOIN',
  semi: 'SEMI JOIN',
  anti: 'ANTI JOIN',
  'right-semi': 'SEMI JOIN',
  'right-anti': 'ANTI JOIN',
} as const;

function combine(
  { joinType, isAsof, output, match }: Combination,
  sides: Sides,
  writer: JoinWriter,
): SelectBlock {
  const left = pick(sides.left.columns, output.left);
  const right = pick(sides.right.columns, output.right);
  const on = ` ON ${matchText(match)}`;
  switch (joinType) {
    case 'inner':
    case 'left':
    case 'right':
    case 'full':
    case 'semi':
    case 'anti':
      return fromBoth(sides, {
        columns: [...left, ...right],
        on,
        keyword: isAsof ? `ASOF ${JOIN_KEYWORDS[joinType]}` : JOIN_KEYWORDS[joinType],
      });
    case 'right-semi':
    case 'right-anti': {
      const mirrored = { left: sides.right, right: sides.left };
      return fromBoth(mirrored, { columns: right, on, keyword: JOIN_KEYWORDS[joinType] });
    }
    case 'mark': {
      const mark: BlockColumn = { ...writeMark(match, sides.right), kind: 'computed' };
      return { ...sides.left, columns: [...left, mark] };
    }
    case 'single':
      return withScalarSubquery(
        { ...sides.left, columns: left },
        scalarSubquery(match, sides.right, right),
        writer,
      );
    default:
      return assertNever(joinType);
  }
}

/** `left JOIN right`; a join on the right stands in parentheses. */
function fromBoth(
  { left, right }: Sides,
  join: {
    readonly columns: readonly BlockColumn[];
    readonly on: string;
    readonly keyword?: string;
  },
): SelectBlock {
  const rightFrom = right.isJoin ? `(${right.from})` : right.from;
  const from = `${left.from}\n${join.keyword ?? 'CROSS JOIN'} ${rightFrom}${join.on}`;
  return { ...rowsOf(from, join.columns), isJoin: true, where: [...left.where, ...right.where] };
}

/**
 * The mark is SQL's `IN`, `ANY` or `EXISTS`: comparisons that may be unknown decide, null-safe ones only
 * choose the rows that are looked at.
 */
function writeMark(match: Match, right: SelectBlock): Sql {
  if (match.kind === 'predicate') throw new UnsupportedError('MARK join by any condition');
  const isSafe = (condition: WrittenCondition): boolean => condition.operator.startsWith('IS ');
  const deciding = match.conditions.filter((condition) => !isSafe(condition));
  const safe = match.conditions.filter(isSafe);
  const where = [...right.where, ...safe.map((one) => `${one.left} ${one.operator} ${one.right}`)];
  const select = (columns: readonly string[]): string => {
    const written = columns.map((text): BlockColumn => ({ ...atom(text), kind: 'computed' }));
    return subquery(renderSelect({ ...right, where, columns: written }));
  };
  const [first] = deciding;
  if (first === undefined) return atom(`EXISTS ${select(['1'])}`);
  if (deciding.length === 1) {
    const quantified = first.operator === '=' ? 'IN' : `${first.operator} ANY`;
    return {
      text: `${first.left} ${quantified} ${select([first.right])}`,
      level: LEVEL.comparison,
    };
  }
  if (deciding.some(({ operator }) => operator !== '=')) {
    throw new UnsupportedError('MARK join by several comparisons');
  }
  const row = deciding.map(({ left }) => left).join(', ');
  const text = `(${row}) IN ${select(deciding.map(({ right: compared }) => compared))}`;
  return { text, level: LEVEL.comparison };
}

/** At most one row may match, which is what DuckDB checks of a scalar subquery. */
function scalarSubquery(
  match: Match,
  right: SelectBlock,
  columns: readonly BlockColumn[],
): { readonly sql: string; readonly width: number } {
  const [first, ...others] = columns;
  if (first === undefined) throw new UnsupportedError('SINGLE join without a column');
  const fields = columns.map(({ text }, i) => `c${i} := ${text}`).join(', ');
  const text = others.length === 0 ? first.text : `struct_pack(${fields})`;
  const where = [...right.where, matchText(match)];
  const select = renderSelect({ ...right, where, columns: [{ ...atom(text), kind: 'computed' }] });
  return { sql: subquery(select), width: columns.length };
}

/** Several columns travel as one struct: the subquery must stand in the statement once. */
function withScalarSubquery(
  left: SelectBlock,
  { sql, width }: { readonly sql: string; readonly width: number },
  writer: JoinWriter,
): SelectBlock {
  const block: SelectBlock = {
    ...left,
    columns: [...left.columns, { ...atom(sql), kind: 'computed' }],
  };
  if (width === 1) return block;
  const sealed = writer.seal(block);
  const row = sealed.columns.at(-1)?.text ?? '';
  const fields = Array.from({ length: width }, (_, i): BlockColumn => ({
    ...atom(`struct_extract(${row}, 'c${i}')`),
    kind: 'shared',
  }));
  return { ...sealed, columns: [...sealed.columns.slice(0, -1), ...fields] };
}

function pick(
  columns: readonly BlockColumn[],
  positions: readonly number[],
): readonly BlockColumn[] {
  return positions.map((position) => {
    const column = columns[position];
    if (column === undefined) throw new UnsupportedError('output of a join');
    return column;
  });
}
