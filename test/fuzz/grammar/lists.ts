import { list, node } from '../sql-tree.ts';
import { type Grammar, type Relation } from './relation.ts';

/** One row for each item of a list, beside some columns. */
export function unnested(grammar: Grammar, depth: number): Relation {
  const { choice, expressions } = grammar;
  const input = grammar.relation(depth - 1);
  const element = choice.one(['INTEGER', 'VARCHAR']);
  const name = choice.name();
  const kept = choice.some(input.columns, 3);
  const items = kept.map((column) => node('item', 'column', column.name));
  const value = expressions.of(`${element}[]`, input.columns, 2);
  const sql = node(
    'relation',
    'unnest',
    '(SELECT ',
    list([...items, node('item', 'unnest', 'unnest(', value, `) AS ${name}`)]),
    ' FROM ',
    input.sql,
    ')',
  );
  return { sql, columns: [...kept, { name, type: element, isExact: true }], rows: input.rows * 2 };
}

/** A table function of each row's values. */
export function lateralFunction(grammar: Grammar, depth: number): Relation {
  const { choice, expressions } = grammar;
  const input = grammar.relation(depth - 1);
  const [item, position] = [choice.name(), choice.name()];
  const call = choice.weighted([
    [1, ['range(0, (', expressions.of('INTEGER', input.columns, 1), ') % 5)']],
    [1, ['generate_series(1, (', expressions.of('BIGINT', input.columns, 1), ') % 4)']],
    [2, ['unnest(', expressions.of('INTEGER[]', input.columns, 1), ')']],
  ]);
  const isNumbered = choice.chance(40);
  const names = isNumbered ? ` WITH ORDINALITY t(${item}, ${position})` : ` t(${item})`;
  const join = choice.one([', ', ' LEFT JOIN LATERAL ']);
  const sql = node(
    'relation',
    'table function of columns',
    '(SELECT * FROM ',
    input.sql,
    `${join}(SELECT * FROM `,
    ...call,
    names,
    join === ', ' ? '))' : ') ON TRUE)',
  );
  const isExact = true;
  const numbers = isNumbered ? [{ name: position, type: 'BIGINT', isExact }] : [];
  const type = call[0]?.toString() === 'unnest(' ? 'INTEGER' : 'BIGINT';
  return {
    sql,
    columns: [...input.columns, { name: item, type, isExact }, ...numbers],
    rows: input.rows * 2,
  };
}
