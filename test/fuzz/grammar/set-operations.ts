import { list, node } from '../sql-tree.ts';
import { type Column } from './expressions.ts';
import { exactColumns, type Grammar, type Relation, someTypes } from './relation.ts';

const OPERATIONS = [
  'UNION',
  'UNION ALL',
  'UNION ALL',
  'INTERSECT',
  'INTERSECT ALL',
  'EXCEPT',
  'EXCEPT ALL',
];

/** Two relations on top of each other, each brought to the same types. */
export function combineRelations(grammar: Grammar, depth: number): Relation {
  const { choice } = grammar;
  const left = grammar.relation(depth - 1);
  const right = grammar.relation(choice.chance(40) ? depth - 1 : 0);
  const own = choice.some(exactColumns(left), 3).map(({ type }) => type);
  const types = own.length > 0 ? own : someTypes(choice, 2);
  const operation = choice.one(OPERATIONS);
  const columns = types.map((type) => ({ name: choice.name(), type, isExact: true }));
  const sql = node(
    'relation',
    operation.toLowerCase(),
    '(',
    aligned(grammar, left, columns),
    ` ${operation} `,
    aligned(grammar, right, columns),
    ')',
  );
  return { sql, columns, rows: left.rows + right.rows };
}

function aligned({ choice, expressions }: Grammar, input: Relation, columns: readonly Column[]) {
  const items = columns.map(({ name, type }) => {
    const fitting = exactColumns(input).filter((column) => column.type === type);
    const value =
      fitting.length > 0 && choice.chance(90)
        ? node(type, 'column', choice.one(fitting).name)
        : expressions.of(type, input.columns, 1);
    return node('item', 'item', value, `::${type} AS ${name}`);
  });
  return node(
    'clause',
    'side',
    'SELECT ',
    { ...list(items), min: items.length },
    ' FROM ',
    input.sql,
  );
}
