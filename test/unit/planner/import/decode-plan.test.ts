import { type DuckDBConnection } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DecodedPlan, decodePlan } from '../../../../services/planner/import/decode-plan.ts';
import { readEstimates } from '../../../../services/planner/import/estimates.ts';
import {
  isJsonArray,
  isJsonObject,
  type Json,
  readJson,
} from '../../../../services/planner/import/json-reader.ts';
import { type Expression } from '../../../../services/planner/logical/expression.ts';
import { type LogicalPlan } from '../../../../services/planner/logical/logical-plan.ts';
import { walkPlan } from '../../../../services/planner/logical/plan-children.ts';
import { PLANNING_SETTINGS, WideTables } from '../../../support/wide-tables.ts';

let tables: WideTables;
let duckdb: DuckDBConnection;

beforeAll(async () => {
  tables = await WideTables.open([...PLANNING_SETTINGS, "SET explain_output = 'optimized_only'"]);
  duckdb = tables.connection;
});

afterAll(async () => {
  await tables[Symbol.asyncDispose]();
});

async function serialize(sql: string): Promise<Json> {
  const statement = 'SELECT json_serialize_plan($1::VARCHAR, optimize := true)';
  const reader = await duckdb.runAndReadAll(statement, [sql]);
  return readJson(String(reader.getRows()[0]?.[0]));
}

function planOf(decoded: DecodedPlan): LogicalPlan {
  if (decoded.kind !== 'plan') throw new Error(`unsupported: ${decoded.construct}`);
  return decoded.plan;
}

async function plan(sql: string): Promise<LogicalPlan> {
  return planOf(decodePlan(await serialize(sql)));
}

function constantsOf(projection: LogicalPlan): readonly unknown[] {
  if (projection.kind !== 'project') throw new Error(projection.kind);
  return projection.expressions.map((expression) =>
    expression.kind === 'constant' ? expression.value : expression.kind,
  );
}

function only<K extends LogicalPlan['kind']>(
  root: LogicalPlan,
  kind: K,
): Extract<LogicalPlan, { kind: K }> {
  const found = [...walkPlan(root)].filter((node) => node.kind === kind);
  expect(found).toHaveLength(1);
  return found[0] as Extract<LogicalPlan, { kind: K }>;
}

describe('decodePlan', () => {
  it('loses nothing of a constant, where JSON.parse would', async () => {
    const sql = `SELECT 9007199254740993, 1.5::DECIMAL(38,5), 'inf'::DOUBLE, '-inf'::FLOAT, 'nan'::DOUBLE,
      -0.0::DOUBLE, 170141183460469231731687303715884105727::HUGEINT, -5::HUGEINT, DATE '2020-01-01'`;
    expect(constantsOf(await plan(sql))).toEqual([
      9007199254740993n,
      150000n,
      Infinity,
      -Infinity,
      Number.NaN,
      -0,
      170141183460469231731687303715884105727n,
      -5n,
      18262n,
    ]);
  });

  it('puts the filters of a scan above it and drops what carries no meaning', async () => {
    const root = await plan('SELECT a FROM r WHERE b IN (1, 2, 3) AND s IS NOT NULL AND st.x > 3');
    const { child, predicates } = only(root, 'filter');
    expect(child.kind).toBe('scan');
    const kinds = predicates.map((predicate: Expression) => predicate.kind);
    expect(kinds).toContain('null-test');
    expect(JSON.stringify(predicates, bigints)).toContain('struct_extract');
  });

  it('reads exactly the files of the plan, with the columns it reads', async () => {
    const scan = only(await plan('SELECT s, a FROM r'), 'scan');
    expect(scan.files).toEqual([`${tables.directory}/r.parquet`]);
    expect(scan.fileColumns.map(({ name }) => name).toSorted()).toEqual(['a', 's']);
  });

  it('reads no column where only the number of rows matters', async () => {
    const scan = only(await plan('SELECT 1 FROM r'), 'scan');
    expect(scan.fileColumns.map(({ origin }) => origin)).toEqual(['none']);
  });

  it('ties each delim-get to the join whose keys it reads', async () => {
    const sql = `SELECT a FROM r WHERE EXISTS (SELECT 1 FROM u WHERE u.k = r.b AND u.g <> r.a
      AND u.n > (SELECT min(k) FROM u v WHERE v.g = u.g AND v.k < r.a))`;
    const root = await plan(sql);
    const joins = [...walkPlan(root)].filter((node) => node.kind === 'delim-join');
    const ids = new Set(joins.map(({ delimId }) => delimId));
    expect(ids.size).toBe(joins.length);
    const gets = [...walkPlan(root)].filter((node) => node.kind === 'delim-get');
    expect(gets.length).toBeGreaterThan(0);
    for (const get of gets) expect(ids).toContain(get.delimId);
  });

  it('names aggregates publicly and gives them back their constant arguments', async () => {
    const sql = `SELECT string_agg(s, '|' ORDER BY a), quantile_cont(f, [0.25, 0.75]), median(f),
      percentile_cont(0.25) WITHIN GROUP (ORDER BY f DESC) FROM r`;
    const { aggregates } = only(await plan(sql), 'aggregate');
    expect(aggregates.map(({ name, args }) => [name, args.length])).toEqual([
      ['string_agg', 2],
      ['quantile_cont', 2],
      ['median', 1],
      ['quantile_cont', 2],
    ]);
    expect(aggregates[3]?.args[1]).toMatchObject({ kind: 'constant', value: -25n });
  });

  it.each([
    ['SELECT * FROM r ASOF RIGHT JOIN u ON r.a >= u.k', 'shape of LOGICAL_ASOF_JOIN'],
    [
      'WITH RECURSIVE t(a, b) USING KEY (a) AS (SELECT 1, 2 UNION SELECT a, b + 1 FROM t) FROM t',
      'value of field key_targets of LOGICAL_RECURSIVE_CTE',
    ],
    ['SELECT * FROM r LIMIT (SELECT 1)', 'value of field expression of a limit'],
    ['SELECT * FROM duckdb_settings()', 'table function duckdb_settings'],
  ])('sends %s to the next rung, saying why', async (sql, construct) => {
    expect(decodePlan(await serialize(sql))).toEqual({ kind: 'unsupported', construct });
  });

  const QUERIES = [
    'SELECT s, sum(a), grouping(s) FROM r WHERE b > 2 GROUP BY ROLLUP (s) ORDER BY 2 LIMIT 3',
    'SELECT a, rank() OVER (PARTITION BY b ORDER BY f) FROM r LEFT JOIN u ON r.b = u.k',
    'WITH c AS MATERIALIZED (SELECT b, count(*) n FROM r GROUP BY b) SELECT * FROM c x JOIN c y USING (n)',
    'SELECT list_transform(l, lambda x: x + a), unnest(l) FROM r UNION ALL SELECT NULL, 1',
  ];

  it.each(QUERIES)('refuses a field it does not know, anywhere in %s', async (sql) => {
    const document = await serialize(sql);
    const decoded = decodePlan(document);
    expect(decoded.kind).toBe('plan');
    const count = countNodes(document);
    expect(count).toBeGreaterThan(5);
    fc.assert(
      fc.property(fc.nat(count - 1), (target) => {
        const changed = mapObject(document, target, (object) => ({ ...object, surprise: 1n }));
        expect(decodePlan(changed)).toEqual({
          kind: 'unsupported',
          construct: expect.stringContaining('surprise') as string,
        });
      }),
    );
  });

  it('refuses an operator and an expression it does not know', async () => {
    const document = await serialize('SELECT a + 1 FROM r WHERE b > 1');
    const text = JSON.stringify(document, bigints);
    const changed = (from: string, to: string): DecodedPlan =>
      decodePlan(readJson(text.replaceAll(from, to).replaceAll(/"(-?\d+)n"/g, '$1')));
    expect(changed('LOGICAL_PROJECTION', 'LOGICAL_NEW')).toEqual({
      kind: 'unsupported',
      construct: 'operator LOGICAL_NEW',
    });
    expect(changed('"BOUND_FUNCTION"', '"BOUND_NEW"')).toEqual({
      kind: 'unsupported',
      construct: 'expression BOUND_NEW',
    });
  });
});

describe('estimates', () => {
  const sql = 'SELECT r.s, count(*) FROM r JOIN u ON r.b = u.k GROUP BY r.s';

  async function explain(statement: string): Promise<Json> {
    const reader = await duckdb.runAndReadAll(`EXPLAIN (FORMAT JSON) ${statement}`);
    return readJson(String(reader.getRows()[0]?.[1]));
  }

  it('lie on the operators they belong to', async () => {
    const estimates = readEstimates(await explain(sql));
    const root = planOf(decodePlan(await serialize(sql), estimates));
    const withRows = [...walkPlan(root)].filter((node) => node.estimatedRows !== undefined);
    expect(withRows.map(({ kind }) => kind)).toContain('join');
    expect(root.estimatedRows).toBe(estimates?.rows);
  });

  it('of another shape are left out', async () => {
    const estimates = readEstimates(await explain('SELECT a FROM r'));
    const root = planOf(decodePlan(await serialize(sql), estimates));
    expect([...walkPlan(root)].filter((node) => node.estimatedRows !== undefined)).toEqual([]);
  });
});

function bigints(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value;
}

/** Operators, expressions, sort keys, join conditions: what a plan is made of. Types that nobody reads are not. */
function isNode(object: Readonly<Record<string, Json>>): boolean {
  const { type } = object;
  const isOperator = typeof type === 'string' && type.startsWith('LOGICAL_');
  return (
    isOperator || ['expression_class', 'null_order', 'comparison'].some((key) => key in object)
  );
}

function countNodes(document: Json): number {
  let count = 0;
  mapObjects(document, (object) => {
    if (isNode(object)) count += 1;
    return object;
  });
  return count;
}

/** Copies a document with its n-th node changed. */
function mapObject(
  document: Json,
  target: number,
  change: (object: Readonly<Record<string, Json>>) => Json,
): Json {
  let at = -1;
  return mapObjects(document, (object) => {
    if (isNode(object)) at += 1;
    return isNode(object) && at === target ? change(object) : object;
  });
}

function mapObjects(value: Json, change: (object: Readonly<Record<string, Json>>) => Json): Json {
  if (isJsonArray(value)) return value.map((item) => mapObjects(item, change));
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).map(
    ([key, item]) => [key, mapObjects(item, change)] as const,
  );
  return change(Object.fromEntries(entries));
}
