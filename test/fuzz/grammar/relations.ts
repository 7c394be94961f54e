/** Relations: operators over tables and over each other. Every column of a statement has a name of its own. */
import { clause, list, node } from '../sql-tree.ts';
import { type Choice } from './choice.ts';
import { Aggregates } from './aggregates.ts';
import { type Column, Expressions } from './expressions.ts';
import { FUZZ_TABLES } from '../fuzz-tables.ts';
import { fuzzType } from './fuzz-type.ts';
import { type FunctionCatalog, weightedType } from './function-catalog.ts';
import { joinRelations } from './joins.ts';
import { lateralFunction, unnested } from './lists.ts';
import { exactColumns, type Grammar, type Relation, sortKeys } from './relation.ts';
import { Parameters } from './parameters.ts';
import { pivoted, unpivoted } from './pivots.ts';
import { combineRelations } from './set-operations.ts';
import { withSubquery } from './subqueries.ts';
import { sharedTwice } from './shared-relation.ts';
import { withWindows } from './windows.ts';

const MAX_COLUMNS = 8;
/** Of columns that files of text keep. */
const TEXT_TYPES = [
  'INTEGER',
  'VARCHAR',
  'BIGINT',
  'BOOLEAN',
  'DECIMAL(10,2)',
  'DATE',
  'TIMESTAMP',
];

export function createGrammar(choice: Choice, catalog: FunctionCatalog): Grammar {
  const parameters = new Parameters(choice, choice.chance(15) ? 40 : 0);
  const expressions = new Expressions(choice, parameters, catalog);
  const aggregates = new Aggregates(choice, expressions, catalog);
  const grammar: Grammar = {
    choice,
    expressions,
    aggregates,
    parameters,
    relation: (depth) => anyRelation(grammar, depth),
  };
  return grammar;
}

type Rule = (grammar: Grammar, depth: number) => Relation;

const RULES: readonly (readonly [weight: number, Rule])[] = [
  [3, filtered],
  [3, projected],
  [5, aggregated],
  [2, distinct],
  [1, distinctOn],
  [2, topRows],
  [3, withWindows],
  [7, joinRelations],
  [3, combineRelations],
  [4, withSubquery],
  [1, unnested],
  [1, lateralFunction],
  [1, sharedTwice],
  [1, pivoted],
  [1, unpivoted],
];

function anyRelation(grammar: Grammar, depth: number): Relation {
  const { choice } = grammar;
  if (depth <= 0) return typed(choice.chance(92) ? table(grammar) : generatedRows(grammar));
  return narrowed(grammar, typed(choice.weighted(RULES)(grammar, depth)));
}

function typed(relation: Relation): Relation {
  const columnTypes = relation.columns.map(({ type }) => type);
  return { ...relation, sql: { ...relation.sql, columnTypes } };
}

function table({ choice }: Grammar): Relation {
  const { name, rows, isText } = choice.chance(4)
    ? choice.one(FUZZ_TABLES)
    : choice.one(FUZZ_TABLES.slice(0, -1));
  const anyType = (): string =>
    isText ? choice.one(TEXT_TYPES) : weightedType((bound) => choice.below(bound));
  const types = ['INTEGER', anyType()];
  while (types.length < 5 && choice.chance(65)) types.push(anyType());
  const columns = types.map((type) => ({ name: choice.name(), type, isExact: true }));
  const items = columns.map((column, index) => {
    const source = index === 0 ? 'k' : choice.one(fuzzType(column.type).sources);
    return node('item', 'item', `(${source})::${column.type} AS ${column.name}`);
  });
  const sql = node('relation', `table ${name}`, '(SELECT ', list(items), ` FROM ${name})`);
  return { sql, columns, rows };
}

function generatedRows(grammar: Grammar): Relation {
  const { choice } = grammar;
  const name = choice.name();
  if (choice.chance(40)) {
    const sql = node('relation', 'range', `(SELECT range::INTEGER AS ${name} FROM range(5))`);
    return { sql, columns: [{ name, type: 'INTEGER', isExact: true }], rows: 5 };
  }
  const type = weightedType((bound) => choice.below(bound));
  const other = choice.name();
  const rows = [1, 2, 3, 4].map((row) => {
    const value = grammar.expressions.constant(type);
    return node('clause', 'row', `(${row}::INTEGER, `, value, `::${type})`);
  });
  const sql = node(
    'relation',
    'values',
    '(SELECT * FROM (VALUES ',
    list(rows),
    `) t(${name}, ${other}))`,
  );
  return {
    sql,
    columns: [
      { name, type: 'INTEGER', isExact: true },
      { name: other, type, isExact: true },
    ],
    rows: 4,
  };
}

function filtered(grammar: Grammar, depth: number): Relation {
  const input = grammar.relation(depth - 1);
  const predicates = [grammar.expressions.predicate(input.columns, 2)];
  if (grammar.choice.chance(30)) predicates.push(grammar.expressions.predicate(input.columns, 2));
  const sql = node(
    'relation',
    'filter',
    '(SELECT * FROM ',
    input.sql,
    clause(' WHERE ', predicates, ' AND '),
    ')',
  );
  return { ...input, sql, rows: input.rows / 2 };
}

function projected(grammar: Grammar, depth: number): Relation {
  const { choice, expressions } = grammar;
  const input = grammar.relation(depth - 1);
  const kept = choice.some(input.columns, 1 + choice.below(3));
  const items = kept.map(({ name }) => node('item', 'column', name));
  const columns = [...kept];
  for (let count = 1 + choice.below(2); count > 0; count -= 1) {
    const value = expressions.any(input.columns, 3);
    const column = { name: choice.name(), type: value.sort, isExact: true };
    columns.push(column);
    items.push(node('item', 'item', value, `::${column.type} AS ${column.name}`));
  }
  const sql = node('relation', 'project', '(SELECT ', list(items), ' FROM ', input.sql, ')');
  return { ...input, sql, columns };
}

const GROUPINGS = ['ROLLUP', 'CUBE', 'GROUPING SETS'];

function aggregated(grammar: Grammar, depth: number): Relation {
  const { choice, aggregates, expressions } = grammar;
  const input = grammar.relation(depth - 1);
  const keys = choice.some(exactColumns(input), choice.one([0, 1, 1, 1, 2, 2]));
  const columns: Column[] = [...keys];
  const items = keys.map(({ name }) => node('item', 'column', name));
  for (let count = 1 + choice.below(3); count > 0; count -= 1) {
    const { call, type, isExact } = aggregates.any(input.columns, false);
    const column = { name: choice.name(), type, isExact };
    columns.push(column);
    items.push(node('item', 'item', call, ` AS ${column.name}`));
  }
  const isGrouped = keys.length > 0;
  const grouping = isGrouped && choice.chance(20) ? choice.one(GROUPINGS) : '';
  const names = keys.map(({ name }) =>
    node('clause', 'key', grouping === 'GROUPING SETS' ? `(${name})` : name),
  );
  if (grouping !== '' && choice.chance(50)) {
    const name = choice.name();
    columns.push({ name, type: 'BIGINT', isExact: true });
    items.push(
      node('item', 'grouping', `grouping(${keys.map((key) => key.name).join(', ')}) AS ${name}`),
    );
  }
  const groupBy = { ...clause(` GROUP BY ${grouping}(`, names), after: ')' };
  const plain = clause(' GROUP BY ', names);
  const having = isGrouped && choice.chance(15) ? [expressions.predicate(keys, 1)] : [];
  const label =
    grouping === '' ? (isGrouped ? 'aggregate' : 'global aggregate') : grouping.toLowerCase();
  const sql = node(
    'relation',
    label,
    '(SELECT ',
    list(items),
    ' FROM ',
    input.sql,
    grouping === '' ? plain : groupBy,
    clause(' HAVING ', having, ' AND '),
    ')',
  );
  return { sql, columns, rows: isGrouped ? Math.ceil(input.rows / 3) : 1 };
}

function distinct(grammar: Grammar, depth: number): Relation {
  const input = grammar.relation(depth - 1);
  const columns = grammar.choice.some(exactColumns(input), 3);
  if (columns.length === 0) return input;
  const items = columns.map(({ name }) => node('item', 'column', name));
  const sql = node(
    'relation',
    'distinct',
    '(SELECT DISTINCT ',
    list(items),
    ' FROM ',
    input.sql,
    ')',
  );
  return { ...input, sql, columns };
}

function distinctOn(grammar: Grammar, depth: number): Relation {
  const { choice } = grammar;
  const input = grammar.relation(depth - 1);
  const columns = exactColumns(input);
  if (columns.length === 0) return input;
  const on = choice.some(columns, 1 + choice.below(2));
  const rest = columns.filter((column) => !on.includes(column));
  const items = columns.map(({ name }) => node('item', 'column', name));
  const sql = node(
    'relation',
    'distinct on',
    `(SELECT DISTINCT ON (${on.map(({ name }) => name).join(', ')}) `,
    list(items),
    ' FROM ',
    input.sql,
    clause(' ORDER BY ', sortKeys(grammar, [...on, ...rest])),
    ')',
  );
  return { ...input, sql, columns };
}

function topRows(grammar: Grammar, depth: number): Relation {
  const { choice, parameters } = grammar;
  const input = grammar.relation(depth - 1);
  const columns = exactColumns(input);
  if (columns.length === 0) return input;
  const items = columns.map(({ name }) => node('item', 'column', name));
  const limit = parameters.count(choice.one([0, 1, 5, 20]));
  const offset = choice.chance(30) ? ` OFFSET ${parameters.count(choice.below(6))}` : '';
  const sql = node(
    'relation',
    'order limit',
    '(SELECT ',
    list(items),
    ' FROM ',
    input.sql,
    { ...clause(' ORDER BY ', sortKeys(grammar, columns)), after: ` LIMIT ${limit}${offset}` },
    ')',
  );
  return { sql, columns, rows: Math.min(input.rows, 20) };
}

/** Joins of joins grow wide and long. */
function narrowed(grammar: Grammar, relation: Relation): Relation {
  const { choice } = grammar;
  const isWide = relation.columns.length > MAX_COLUMNS;
  const isLong = relation.rows > 1500;
  if (!isWide && !isLong) return relation;
  const columns = choice.some(isLong ? exactColumns(relation) : relation.columns, MAX_COLUMNS - 3);
  if (columns.length === 0) return relation;
  const items = columns.map(({ name }) => node('item', 'column', name));
  const sql = node(
    'relation',
    isLong ? 'distinct' : 'project',
    isLong ? '(SELECT DISTINCT ' : '(SELECT ',
    list(items),
    ' FROM ',
    relation.sql,
    ')',
  );
  return { sql, columns, rows: isLong ? relation.rows / 4 : relation.rows };
}
