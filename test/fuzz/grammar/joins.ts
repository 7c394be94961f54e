import { list, node, type SqlNode } from '../sql-tree.ts';
import { type Column } from './expressions.ts';
import { exactColumns, isNested, type Grammar, type Relation } from './relation.ts';

const TYPES = ['JOIN', 'JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN', 'SEMI JOIN', 'ANTI JOIN'];
/** Beyond so many pairs, every pair is not looked at. */
const MAX_PAIRS = 4000;

type Sides = readonly [Relation, Relation];

/** Two relations side by side, by equality, by anything or by nothing. */
export function joinRelations(grammar: Grammar, depth: number): Relation {
  const { choice } = grammar;
  const left = grammar.relation(depth - 1);
  const right = grammar.relation(choice.chance(40) ? depth - 1 : 0);
  const isSmall = left.rows * right.rows <= MAX_PAIRS;
  if (isSmall && choice.chance(6)) return product([left, right]);
  if (isSmall && choice.chance(20)) return byAnything(grammar, [left, right]);
  return byEquality(grammar, [left, right]) ?? left;
}

function byEquality(grammar: Grammar, [left, right]: Sides): Relation | undefined {
  const { choice, expressions } = grammar;
  const pairs = exactColumns(left).flatMap((column) =>
    exactColumns(right)
      .filter(({ type }) => type === column.type)
      .map((other) => [column, other] as const),
  );
  if (pairs.length === 0) return undefined;
  const chosen = choice.some(pairs, choice.one([1, 1, 2]));
  const conditions = chosen.map(([column, other]) => {
    const operator = choice.one(['=', '=', '=', 'IS NOT DISTINCT FROM']);
    return node('BOOLEAN', `join ${operator}`, `${column.name} ${operator} ${other.name}`);
  });
  const type = choice.one(TYPES);
  if (choice.chance(20)) {
    const both = [...exactColumns(left), ...exactColumns(right)];
    conditions.push(
      choice.chance(50) ? inequality(grammar, [left, right]) : expressions.predicate(both, 1),
    );
  }
  return joined(type, [left, right], conditions);
}

function byAnything(grammar: Grammar, sides: Sides): Relation {
  const { choice, expressions } = grammar;
  const both = sides.flatMap(exactColumns);
  const condition = choice.chance(50) ? inequality(grammar, sides) : expressions.predicate(both, 2);
  const type = choice.one(TYPES.slice(0, 4));
  return joined(type, sides, [condition]);
}

/** At most one of them in a join: with two over a table without rows, DuckDB 1.5.5 may crash. */
function inequality({ choice }: Grammar, [left, right]: Sides): SqlNode {
  const pairs = exactColumns(left).flatMap((column) =>
    exactColumns(right)
      .filter(({ type }) => type === column.type && !isNested(type))
      .map((other) => [column, other] as const),
  );
  if (pairs.length === 0) return node('BOOLEAN', 'constant', 'TRUE');
  const [column, other] = choice.one(pairs);
  const operator = choice.one(['<', '<=', '>', '>=', '<>']);
  return node('BOOLEAN', `join ${operator}`, `${column.name} ${operator} ${other.name}`);
}

function joined(type: string, [left, right]: Sides, conditions: readonly SqlNode[]): Relation {
  const sql = node(
    'relation',
    type.toLowerCase(),
    '(SELECT * FROM ',
    left.sql,
    ` ${type} `,
    right.sql,
    ' ON ',
    list(conditions, ' AND '),
    ')',
  );
  const isHalf = type === 'SEMI JOIN' || type === 'ANTI JOIN';
  const columns = isHalf ? left.columns : [...left.columns, ...right.columns];
  return { sql, columns, rows: isHalf ? left.rows : Math.ceil((left.rows * right.rows) / 8) };
}

function product([left, right]: Sides): Relation {
  const sql = node('relation', 'cross join', '(SELECT * FROM ', left.sql, ', ', right.sql, ')');
  return { sql, columns: [...left.columns, ...right.columns], rows: left.rows * right.rows };
}

/** In step, each in a total order; not in a subquery, where DuckDB binds them only now and then. */
export function inStep(sides: Sides): Relation {
  const ordered = sides.map((side) => {
    const columns = exactColumns(side);
    const names = columns.map(({ name }) => name).join(', ');
    const sql = node(
      'relation',
      'order',
      '(SELECT ',
      names,
      ' FROM ',
      side.sql,
      ` ORDER BY ${names})`,
    );
    return { columns, sql };
  });
  const [left, right] = ordered;
  if (left === undefined || right === undefined) return sides[0];
  const columns: readonly Column[] = [...left.columns, ...right.columns];
  if (left.columns.length === 0 || right.columns.length === 0) return sides[0];
  const sql = node(
    'relation',
    'positional join',
    '(SELECT * FROM ',
    left.sql,
    ' POSITIONAL JOIN ',
    right.sql,
    ')',
  );
  return { sql, columns, rows: Math.max(sides[0].rows, sides[1].rows) };
}
