/** Whole statements: a relation as it is, in order, counted; now and then one that is wrong. */
import { clause, list, node, type SqlNode } from '../sql-tree.ts';
import { Choice } from './choice.ts';
import { failing } from './failures.ts';
import { type FunctionCatalog } from './function-catalog.ts';
import { inStep } from './joins.ts';
import { openPivot } from './pivots.ts';
import { exactColumns, type Grammar, type Relation, sortKeys } from './relation.ts';
import { createGrammar } from './relations.ts';

export interface FuzzStatement {
  readonly sql: SqlNode;
  /** The rows come in the order that the statement asks for, which is total. */
  readonly isOrdered: boolean;
  /** SQL of each parameter's value, by its name. */
  readonly parameters: Readonly<Record<string, string>>;
}

type Made = Omit<FuzzStatement, 'parameters'>;

export function randomStatement(seed: number, catalog: FunctionCatalog): FuzzStatement {
  const choice = new Choice(seed);
  const grammar = createGrammar(choice, catalog);
  const relation = grammar.relation(choice.one([1, 2, 2, 3, 3, 4]));
  const statement = choice.weighted<() => Made>([
    [12, () => plain(relation)],
    [3, () => ordered(grammar, relation)],
    [1, () => limited(grammar, relation)],
    [1, () => volatileValues(relation)],
    [1, () => recursive(grammar, relation)],
    [1, () => plain(inStep([relation, grammar.relation(1)]))],
    [3, () => wrong(grammar, relation)],
    [1, () => summarized(grammar, relation)],
    [1, () => described(relation)],
    [1, () => pivotedByData(grammar, relation)],
  ])();
  return { ...statement, parameters: grammar.parameters.values };
}

function plain({ sql }: Relation): Made {
  return { sql: node('statement', 'select', 'SELECT * FROM ', sql), isOrdered: false };
}

function ordered(grammar: Grammar, relation: Relation): Made {
  const columns = exactColumns(relation);
  if (columns.length === 0) return plain(relation);
  const items = columns.map(({ name }) => node('item', 'column', name));
  const keys = clause(' ORDER BY ', sortKeys(grammar, columns));
  const [seven, three, two] = [7, 3, 2].map((count) => grammar.parameters.count(count));
  const limits = ['', '', ` LIMIT ${seven}`, ` LIMIT ${three} OFFSET ${two}`, ' LIMIT 20%'];
  const limit = grammar.choice.one(limits);
  const sql = node(
    'statement',
    'order',
    'SELECT ',
    list(items),
    ' FROM ',
    relation.sql,
    keys,
    limit,
  );
  return { sql, isOrdered: true };
}

/** Any rows, but so many. */
function limited({ choice, parameters }: Grammar, { sql }: Relation): Made {
  const [limited, offset] = [choice.one([0, 3, 100]), choice.one([2, 5])];
  const [count, skipped] = [parameters.count(limited), parameters.count(offset)];
  const limit = choice.one([
    ` LIMIT ${count}`,
    ` LIMIT ${count} OFFSET ${skipped}`,
    ` LIMIT ALL OFFSET ${skipped}`,
  ]);
  const parts = ['SELECT count(*) FROM (SELECT * FROM ', sql, limit, ')'];
  return { sql: node('statement', 'limit', ...parts), isOrdered: false };
}

/** What differs at every call, counted. */
function volatileValues({ sql }: Relation): Made {
  const inner = 'SELECT random() AS r, uuid() AS u FROM ';
  const parts = [
    'SELECT count(*), count(DISTINCT u), min(r) >= 0, max(r) < 1 FROM (',
    inner,
    sql,
    ') WHERE r >= 0',
  ];
  return { sql: node('statement', 'volatile', ...parts), isOrdered: false };
}

function recursive(grammar: Grammar, relation: Relation): Made {
  const name = grammar.choice.name();
  const key = relation.columns.find(({ type }) => type === 'INTEGER')?.name;
  if (key === undefined) return plain(relation);
  const parts = [
    `WITH RECURSIVE t(${name}) AS (SELECT 1 UNION ALL SELECT ${name} + 1 FROM t WHERE ${name} < 5)`,
    ' SELECT * FROM t JOIN ',
    relation.sql,
    ` ON ${key} = ${name}`,
  ];
  return { sql: node('statement', 'recursive', ...parts), isOrdered: false };
}

/** Quartiles are approximated, and mean and deviation rounded, in the order of the rows. */
const SUMMARIES = 'column_name, column_type, min, max, approx_unique, "count", null_percentage';

function summarized({ choice }: Grammar, relation: Relation): Made {
  const columns = exactColumns(relation);
  if (columns.length === 0) return plain(relation);
  const items = choice.some(columns, 4).map(({ name }) => node('item', 'column', name));
  const parts = [
    `SELECT ${SUMMARIES} FROM (SUMMARIZE SELECT `,
    list(items),
    ' FROM ',
    relation.sql,
    ')',
  ];
  return { sql: node('statement', 'summarize', ...parts), isOrdered: true };
}

function described({ sql }: Relation): Made {
  return { sql: node('statement', 'describe', 'DESCRIBE SELECT * FROM ', sql), isOrdered: true };
}

function pivotedByData(grammar: Grammar, relation: Relation): Made {
  const sql = openPivot(grammar, relation);
  return sql === undefined ? plain(relation) : { sql, isOrdered: false };
}

function wrong(grammar: Grammar, relation: Relation): Made {
  const sql = failing(grammar, relation);
  return sql === undefined ? plain(relation) : { sql, isOrdered: false };
}
