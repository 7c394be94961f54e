/** Rows made columns, and columns made rows. */
import { list, node, type SqlNode } from '../sql-tree.ts';
import { type Column } from './expressions.ts';
import { fuzzType } from './fuzz-type.ts';
import { exactColumns, type Grammar, isNested, type Relation } from './relation.ts';

/** Aggregates of a PIVOT: their value follows from the rows alone. */
const AGGREGATES = [
  ['count', 'BIGINT'],
  ['min', undefined],
  ['max', undefined],
] as const;

/** With the values given: one column for each of them. */
export function pivoted(grammar: Grammar, depth: number): Relation {
  const { choice } = grammar;
  const input = grammar.relation(depth - 1);
  const [on, of] = pivotColumns(grammar, input);
  if (on === undefined || of === undefined) return input;
  const values = [...new Set(fuzzType(on.type).constants)].slice(0, 1 + choice.below(3));
  const keys = choice.some(otherColumns(input, [on, of]), choice.one([0, 1, 1, 2]));
  const [name, result] = choice.one(AGGREGATES);
  const made = values.map(() => ({ ...of, name: choice.name(), type: result ?? of.type }));
  const columns = [...keys, ...made];
  const groupBy = keys.length === 0 ? '' : ` GROUP BY ${namesOf(keys)}`;
  const needed = node(
    'relation',
    'project',
    `(SELECT ${namesOf([on, of, ...keys])} FROM `,
    input.sql,
    ')',
  );
  const sql = node(
    'relation',
    'pivot',
    '(SELECT * FROM (SELECT * FROM ',
    needed,
    ` PIVOT (${name}(${of.name}) FOR ${on.name} IN (${values.map((value) => `(${value})::${on.type}`).join(', ')})`,
    `${groupBy})) t(${namesOf(columns)}))`,
  );
  return { sql, columns, rows: keys.length === 0 ? 1 : input.rows };
}

/** Without them: a statement of its own, whose columns follow from the data. */
export function openPivot(grammar: Grammar, input: Relation): SqlNode | undefined {
  const { choice } = grammar;
  const [on, of] = pivotColumns(grammar, input);
  if (on === undefined || of === undefined) return undefined;
  const keys = choice.some(otherColumns(input, [on, of]), choice.one([0, 1, 1, 2]));
  const [name] = choice.one(AGGREGATES);
  const groupBy = keys.length === 0 ? '' : ` GROUP BY ${namesOf(keys)}`;
  return node(
    'statement',
    'open pivot',
    'PIVOT ',
    input.sql,
    ` ON ${on.name} USING ${name}(${of.name})${groupBy}`,
  );
}

/** One row for each of several columns, NULLs left out or not. */
export function unpivoted(grammar: Grammar, depth: number): Relation {
  const { choice } = grammar;
  const input = grammar.relation(depth - 1);
  const exact = exactColumns(input);
  if (exact.length === 0) return input;
  const { type } = choice.one(exact);
  const folded = exact.filter((column) => column.type === type).slice(0, 3);
  const kept = choice.some(otherColumns(input, folded), 3);
  const [name, value] = [choice.name(), choice.name()];
  const nulls = choice.one(['', ' INCLUDE NULLS']);
  const items = [...kept, ...folded].map((column) => node('item', 'column', column.name));
  const sql = node(
    'relation',
    'unpivot',
    '(SELECT * FROM (SELECT ',
    { ...list(items), min: items.length },
    ' FROM ',
    input.sql,
    `) UNPIVOT${nulls} (${value} FOR ${name} IN (${namesOf(folded)})))`,
  );
  const made: readonly Column[] = [
    { name, type: 'VARCHAR', isExact: true },
    { name: value, type, isExact: true },
  ];
  return { sql, columns: [...kept, ...made], rows: input.rows * folded.length };
}

/** One that names the columns, of few values, and one that fills them. */
function pivotColumns({ choice }: Grammar, input: Relation): readonly (Column | undefined)[] {
  const exact = exactColumns(input).filter(({ type }) => !isNested(type));
  // DuckDB prints values of a PIVOT without their types: of others the text is another statement.
  const names = exact.filter(({ type }) => /^(INTEGER|VARCHAR|BOOLEAN)$/.test(type));
  if (names.length === 0) return [];
  const on = choice.one(names);
  const others = exact.filter((column) => column !== on);
  return others.length === 0 ? [] : [on, choice.one(others)];
}

function otherColumns(input: Relation, used: readonly Column[]): readonly Column[] {
  return exactColumns(input).filter((column) => !used.includes(column));
}

function namesOf(columns: readonly Column[]): string {
  return columns.map(({ name }) => name).join(', ');
}
