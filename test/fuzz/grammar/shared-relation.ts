import { node } from '../sql-tree.ts';
import { exactColumns, type Grammar, type Relation } from './relation.ts';

/** A materialized CTE that is read twice. */
export function sharedTwice(grammar: Grammar, depth: number): Relation {
  const { choice } = grammar;
  const input = grammar.relation(depth - 1);
  const [key] = choice.some(exactColumns(input), 1);
  if (key === undefined || input.rows > 200) return input;
  const cte = choice.name();
  const renamed = input.columns.map((column) => ({ ...column, name: choice.name() }));
  const names = renamed.map(({ name }) => name).join(', ');
  const position = input.columns.indexOf(key);
  const join = choice.one(['JOIN', 'LEFT JOIN', 'FULL JOIN', 'SEMI JOIN', 'ANTI JOIN']);
  const materialized = choice.one([' MATERIALIZED', '', ' NOT MATERIALIZED']);
  const other = renamed[position]?.name ?? '';
  const sql = node(
    'relation',
    'shared cte',
    `(WITH ${cte} AS${materialized} (SELECT * FROM `,
    input.sql,
    `) SELECT * FROM ${cte} ${join} (SELECT * FROM ${cte} t(${names})) ON ${key.name} = ${other})`,
  );
  const isHalf = join === 'SEMI JOIN' || join === 'ANTI JOIN';
  const columns = isHalf ? input.columns : [...input.columns, ...renamed];
  return { sql, columns, rows: (input.rows * input.rows) / 8 };
}
