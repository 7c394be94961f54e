import { clause, list, node, type SqlNode } from '../sql-tree.ts';
import { type Column } from './expressions.ts';
import { exactColumns, isNested, type Grammar, type Relation } from './relation.ts';

type Rule = (grammar: Grammar, outer: Relation, inner: Relation) => Relation;

/** A relation filtered or extended by subqueries over another, which may look at its row. */
export function withSubquery(grammar: Grammar, depth: number): Relation {
  const { choice } = grammar;
  const outer = grammar.relation(depth - 1);
  const inner = grammar.relation(choice.chance(30) ? depth - 1 : 0);
  if (outer.rows * inner.rows > 20_000) return outer;
  const rule = choice.weighted<Rule>([
    [3, membership],
    [2, existence],
    [3, scalarValue],
    [1, quantified],
    [1, lateral],
    [1, mark],
  ]);
  return rule(grammar, outer, inner);
}

function membership(grammar: Grammar, outer: Relation, inner: Relation): Relation {
  const { choice } = grammar;
  const pair = samePair(grammar, outer, inner);
  if (pair === undefined) return outer;
  const [left, right] = pair;
  const operator = choice.one(['IN', 'NOT IN']);
  const predicate = node(
    'BOOLEAN',
    `${operator} subquery`,
    `${left.name} ${operator} (SELECT ${right.name} FROM `,
    inner.sql,
    correlation(grammar, [outer, inner], 30),
    ')',
  );
  return filteredBy(outer, predicate);
}

function existence(grammar: Grammar, outer: Relation, inner: Relation): Relation {
  const operator = grammar.choice.one(['EXISTS', 'NOT EXISTS']);
  const predicate = node(
    'BOOLEAN',
    operator,
    `${operator} (SELECT 1 FROM `,
    inner.sql,
    correlation(grammar, [outer, inner], 85),
    ')',
  );
  return filteredBy(outer, predicate);
}

function quantified(grammar: Grammar, outer: Relation, inner: Relation): Relation {
  const { choice } = grammar;
  const pair = samePair(grammar, outer, inner);
  if (pair === undefined) return outer;
  const [left, right] = pair;
  const operators = isNested(left.type) ? ['= ANY'] : ['= ANY', '<> ALL', '> ANY', '<= ALL'];
  const operator = choice.one(operators);
  const predicate = node(
    'BOOLEAN',
    operator,
    `${left.name} ${operator} (SELECT ${right.name} FROM `,
    inner.sql,
    ')',
  );
  return filteredBy(outer, predicate);
}

/** An aggregate of the other relation, so that there is one row. */
function scalarValue(grammar: Grammar, outer: Relation, inner: Relation): Relation {
  const { choice, aggregates } = grammar;
  const { call, type, isExact } = aggregates.any(inner.columns, false);
  const column = { name: choice.name(), type, isExact };
  const value = node(
    'item',
    'scalar subquery',
    '(SELECT ',
    call,
    ' FROM ',
    inner.sql,
    correlation(grammar, [outer, inner], 60),
    `) AS ${column.name}`,
  );
  return extendedBy(outer, value, column);
}

/** Whether a value is in the subquery, as a value. */
function mark(grammar: Grammar, outer: Relation, inner: Relation): Relation {
  const { choice } = grammar;
  const pair = samePair(grammar, outer, inner);
  if (pair === undefined) return outer;
  const [left, right] = pair;
  const column = { name: choice.name(), type: 'BOOLEAN', isExact: true };
  const operator = choice.one(['IN', 'NOT IN']);
  const value = node(
    'item',
    'mark',
    `(${left.name} ${operator} (SELECT ${right.name} FROM `,
    inner.sql,
    correlation(grammar, [outer, inner], 30),
    `)) AS ${column.name}`,
  );
  return extendedBy(outer, value, column);
}

function lateral(grammar: Grammar, outer: Relation, inner: Relation): Relation {
  const { choice, aggregates } = grammar;
  const { call, type, isExact } = aggregates.any(inner.columns, false);
  const column = { name: choice.name(), type, isExact };
  const sql = node(
    'relation',
    'lateral',
    '(SELECT * FROM ',
    outer.sql,
    ', LATERAL (SELECT ',
    call,
    ` AS ${column.name} FROM `,
    inner.sql,
    correlation(grammar, [outer, inner], 100),
    '))',
  );
  return { ...outer, sql, columns: [...outer.columns, column] };
}

/** Conditions between a row of the outer relation and the inner one, so many times of a hundred. */
function correlation(
  grammar: Grammar,
  [outer, inner]: readonly [Relation, Relation],
  percent: number,
) {
  const { choice, expressions } = grammar;
  const conditions: SqlNode[] = [];
  const pair = samePair(grammar, outer, inner);
  if (pair !== undefined && choice.chance(percent)) {
    const [left, right] = pair;
    const operators = ['=', '=', '=', '=', 'IS NOT DISTINCT FROM'];
    if (!isNested(left.type)) operators.push('<', '<>');
    const operator = choice.one(operators);
    conditions.push(
      node('BOOLEAN', `correlated ${operator}`, `${right.name} ${operator} ${left.name}`),
    );
  }
  if (choice.chance(20)) conditions.push(expressions.predicate(inner.columns, 1));
  return clause(' WHERE ', conditions, ' AND ');
}

function samePair(
  { choice }: Grammar,
  outer: Relation,
  inner: Relation,
): readonly [Column, Column] | undefined {
  const pairs = exactColumns(outer).flatMap((left) =>
    exactColumns(inner)
      .filter(({ type }) => type === left.type)
      .map((right) => [left, right] as const),
  );
  return pairs.length === 0 ? undefined : choice.one(pairs);
}

function filteredBy(outer: Relation, predicate: SqlNode): Relation {
  const sql = node(
    'relation',
    `filter ${predicate.label}`,
    '(SELECT * FROM ',
    outer.sql,
    clause(' WHERE ', [predicate]),
    ')',
  );
  return { ...outer, sql };
}

function extendedBy(outer: Relation, value: SqlNode, column: Column): Relation {
  const items = outer.columns.map(({ name }) => node('item', 'column', name));
  const sql = node(
    'relation',
    value.label,
    '(SELECT ',
    list([...items, value]),
    ' FROM ',
    outer.sql,
    ')',
  );
  return { ...outer, sql, columns: [...outer.columns, column] };
}
