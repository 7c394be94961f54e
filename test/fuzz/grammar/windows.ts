import { clause, list, node, type SqlNode } from '../sql-tree.ts';
import { type Column } from './expressions.ts';
import { exactColumns, type Grammar, type Relation, sortKeys } from './relation.ts';

const RANKS = [
  ['rank()', 'BIGINT'],
  ['dense_rank()', 'BIGINT'],
  ['percent_rank()', 'DOUBLE'],
  ['cume_dist()', 'DOUBLE'],
] as const;
const ROW_FRAMES = [
  'ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW',
  'ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING',
  'ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING',
  'ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING',
  'GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING',
  'RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW',
  'ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW',
  'GROUPS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE GROUP',
  'ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING EXCLUDE TIES',
];
const RANGE_FRAMES = [
  'RANGE BETWEEN 2 PRECEDING AND 1 FOLLOWING',
  'RANGE BETWEEN CURRENT ROW AND 3 FOLLOWING',
  'RANGE BETWEEN 3 PRECEDING AND 1 PRECEDING',
];
const NUMBERS = new Set(['INTEGER', 'BIGINT', 'DECIMAL(10,2)', 'HUGEINT']);

interface Call {
  readonly sql: SqlNode;
  readonly column: Column;
}

/** The relation with window calls beside its columns, at times filtered by one of them. */
export function withWindows(grammar: Grammar, depth: number): Relation {
  const { choice } = grammar;
  const input = grammar.relation(depth - 1);
  const exact = exactColumns(input);
  if (exact.length === 0) return input;
  const kept = choice.some(exact, 4);
  const partitionBy = choice.some(kept, choice.one([0, 1, 1, 2]));
  const calls = Array.from({ length: 1 + choice.below(2) }, () => call(grammar, kept, partitionBy));
  const items = [
    ...kept.map(({ name }) => node('item', 'column', name)),
    ...calls.map(({ sql }) => sql),
  ];
  const qualified = calls.find(({ column }) => column.isExact);
  const isQualified = qualified !== undefined && choice.chance(20);
  const qualify = isQualified ? [grammar.expressions.predicate([qualified.column], 1)] : [];
  const sql = node(
    'relation',
    'window',
    '(SELECT ',
    list(items),
    ' FROM ',
    input.sql,
    clause(' QUALIFY ', qualify),
    ')',
  );
  return { ...input, sql, columns: [...kept, ...calls.map(({ column }) => column)] };
}

function call(grammar: Grammar, columns: readonly Column[], partitionBy: readonly Column[]): Call {
  const { choice } = grammar;
  const made = choice.weighted<() => { readonly text: SqlNode; readonly isExact: boolean }>([
    [2, () => ranked(grammar, columns)],
    [2, () => valued(grammar, columns)],
    [4, () => aggregate(grammar, columns)],
  ])();
  const column = { name: choice.name(), type: made.text.sort, isExact: made.isExact };
  const partitions = partitionBy.map(({ name }) => node('clause', 'key', name));
  const sql = node(
    'item',
    'window call',
    ...splitOver(made.text, clause('PARTITION BY ', partitions)),
    ` AS ${column.name}`,
  );
  return { sql, column };
}

/** The call is `name(…) OVER (` and what follows the partitions. */
function splitOver(call: SqlNode, partitions: ReturnType<typeof clause>) {
  const [before, after] = call.parts;
  if (before === undefined || after === undefined) return call.parts;
  return [before, ' OVER (', partitions, after, ')'];
}

function ranked(grammar: Grammar, columns: readonly Column[]) {
  const { choice } = grammar;
  const [name, type] = choice.one(RANKS);
  const order = clause(' ORDER BY ', sortKeys(grammar, choice.some(columns, 1 + choice.below(2))));
  return over(type, name, [order]);
}

/** Functions that look at one row of the frame: by a total order. */
function valued(grammar: Grammar, columns: readonly Column[]) {
  const { choice } = grammar;
  const { name, type } = choice.one(columns);
  const nulls = choice.one(['', '', ' IGNORE NULLS']);
  const options: readonly (readonly [string, string])[] = [
    ['row_number()', 'BIGINT'],
    ['ntile(3)', 'BIGINT'],
    [`lag(${name}${nulls})`, type],
    [`lag(${name}, 2, NULL${nulls})`, type],
    [`lead(${name}, 1${nulls})`, type],
    [`first_value(${name}${nulls})`, type],
    [`last_value(${name}${nulls})`, type],
    [`nth_value(${name}, 2${nulls})`, type],
  ];
  const [text, result] = choice.one(options);
  const order = clause(' ORDER BY ', sortKeys(grammar, columns));
  const frame = /_value/.test(text) ? ` ${choice.one(ROW_FRAMES)}` : '';
  return over(result, text, [order, frame]);
}

function aggregate(grammar: Grammar, columns: readonly Column[]) {
  const { choice, aggregates } = grammar;
  const { call, type, isExact } = aggregates.any(columns, true);
  const number = columns.find((column) => NUMBERS.has(column.type));
  switch (choice.below(4)) {
    case 0:
      return { text: windowCall(type, call, []), isExact };
    case 1: {
      const order = clause(' ORDER BY ', sortKeys(grammar, columns));
      return { text: windowCall(type, call, [order, ` ${choice.one(ROW_FRAMES)}`]), isExact };
    }
    case 2: {
      const keys = choice.some(columns, 1);
      return {
        text: windowCall(type, call, [clause(' ORDER BY ', sortKeys(grammar, keys))]),
        isExact,
      };
    }
    default: {
      if (number === undefined) return { text: windowCall(type, call, []), isExact };
      const order = clause(' ORDER BY ', sortKeys(grammar, [number]));
      return { text: windowCall(type, call, [order, ` ${choice.one(RANGE_FRAMES)}`]), isExact };
    }
  }
}

function over(type: string, text: string, rest: SqlNode['parts']) {
  const label = text.replace(/\(.*/, '');
  return { text: windowCall(type, node(type, label, text), rest), isExact: true };
}

function windowCall(type: string, call: SqlNode, rest: SqlNode['parts']): SqlNode {
  return node(type, `${call.label} OVER`, call, node('clause', 'over', ...rest));
}
