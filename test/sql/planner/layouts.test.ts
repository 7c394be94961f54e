import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../services/common/random.ts';
import { KEYED_TABLES, KEYS, writeKeyedTables } from '../../support/keyed-tables.ts';
import { PlannerOracle } from '../../support/planner-oracle.ts';

let directory: string;
let oracle: PlannerOracle;

beforeAll(async () => {
  directory = await writeKeyedTables();
  oracle = await PlannerOracle.open(directory);
});

afterAll(async () => {
  await oracle.close();
  await rm(directory, { recursive: true });
});

interface Query {
  readonly key: string;
  readonly left: string;
  readonly right: string;
}

const QUERIES: Readonly<Record<string, (query: Query) => string>> = {
  inner: ({ key, left, right }) =>
    `SELECT l.${key}, l.v, r.v FROM ${left} l JOIN ${right} r ON l.${key} = r.${key}`,
  left: ({ key, left, right }) =>
    `SELECT l.${key}, l.v, r.v FROM ${left} l LEFT JOIN ${right} r ON l.${key} = r.${key} AND l.v < r.v`,
  full: ({ key, left, right }) =>
    `SELECT l.${key}, r.${key}, l.v, r.v FROM ${left} l FULL JOIN ${right} r ON l.${key} = r.${key}`,
  'not distinct': ({ key, left, right }) =>
    `SELECT l.v, r.v FROM ${left} l JOIN ${right} r ON l.${key} IS NOT DISTINCT FROM r.${key}`,
  semi: ({ key, left, right }) =>
    `SELECT * FROM ${left} l WHERE EXISTS (SELECT 1 FROM ${right} r WHERE r.${key} = l.${key} AND r.v > 3)`,
  anti: ({ key, left, right }) =>
    `SELECT * FROM ${left} l WHERE NOT EXISTS (SELECT 1 FROM ${right} r WHERE r.${key} = l.${key})`,
  'not in': ({ key, left, right }) =>
    `SELECT v FROM ${left} l WHERE ${key} NOT IN (SELECT ${key} FROM ${right})`,
  grouped: ({ key, left, right }) =>
    `SELECT l.${key}, count(*), count(DISTINCT r.v), median(l.v) FROM ${left} l JOIN ${right} r ON l.${key} = r.${key} GROUP BY 1`,
  'group by': ({ key, left }) =>
    `SELECT ${key}, v % 2, count(*), list(v ORDER BY v) FROM ${left} GROUP BY 1, 2`,
  'three tables': ({ key, left, right }) =>
    `SELECT o.v, l.v, r.v FROM ordered o JOIN ${left} l ON o.${key} = l.${key} LEFT JOIN ${right} r ON r.${key} = o.${key} WHERE o.v > 5`,
  window: ({ key, left }) =>
    `SELECT ${key}, v, sum(v) OVER (PARTITION BY ${key}), count(*) OVER (PARTITION BY ${key}, v % 2) FROM ${left}`,
  distinct: ({ key, left }) => `SELECT DISTINCT ${key}, v % 3 FROM ${left}`,
  'distinct on': ({ key, left }) =>
    `SELECT DISTINCT ON (${key}) ${key}, v FROM ${left} WHERE v > 2 ORDER BY ${key}, v`,
  'mixed types': ({ left, right }) =>
    `SELECT l.v, r.v FROM ${left} l JOIN ${right} r ON l.k = r.k_int`,
  correlated: ({ key, left, right }) =>
    `SELECT v, (SELECT max(r.v) FROM ${right} r WHERE r.${key} = l.${key}) FROM ${left} l`,
};

/** Drawn anew for each kind of query, so that all tables meet all keys sooner or later; the seed says which. */
const ROUNDS = 5;

describe.each(Object.entries(QUERIES))(
  '%s, over files that lie apart by the key',
  (kind, write) => {
    it('equals DuckDB', async () => {
      const random = seededRandom(Object.keys(QUERIES).indexOf(kind) + 1);
      const draw = <T>(items: readonly T[]): T => items[random.below(items.length)] as T;
      for (let round = 0; round < ROUNDS; round += 1) {
        const query = { key: draw(KEYS), left: draw(KEYED_TABLES), right: draw(KEYED_TABLES) };
        const sql = write(query);
        const taskCount = 2 + random.below(5);
        const properties = { replicated_scans: draw(['on', 'off']) };
        const { difference } = await oracle.compare(sql, { taskCount, properties });
        expect(difference, sql).toBeUndefined();
      }
    });
  },
);

describe('the plan', () => {
  const partitioningsOf = async (sql: string): Promise<readonly string[]> => {
    const { fragments } = await oracle.plan(sql, { taskCount: 4 });
    return fragments.map(({ partitioning }) =>
      partitioning.kind === 'fixed-source' ? partitioning.layout : partitioning.kind,
    );
  };

  it.each(KEYS)('has no exchange for %s', async (key) => {
    const sql = `SELECT l.${key}, count(*) FROM ordered l JOIN unique_keys r ON l.${key} = r.${key} GROUP BY 1`;
    expect(await partitioningsOf(sql)).toEqual([`range(${key}, 4)`]);
  });

  it('has one where the key has NaN, or the session wants it', async () => {
    const sql = 'SELECT l.v FROM ordered l JOIN overlapping r ON l.k_double = r.k_double';
    expect(await partitioningsOf(sql)).not.toContain('range(k_double, 4)');
    expect((await oracle.compare(sql, { taskCount: 4 })).difference).toBeUndefined();
    const properties = { colocated_execution: 'off', replicated_scans: 'off' };
    const off = await oracle.plan('SELECT k, median(v) FROM ordered GROUP BY 1', {
      taskCount: 4,
      properties,
    });
    expect(off.fragments.map(({ partitioning }) => partitioning.kind)).toEqual(['source', 'hash']);
  });

  it('gives each row group to the tasks that may have rows of it, and prunes the others', async () => {
    const sql = 'SELECT k, median(v) FROM ordered WHERE k BETWEEN 30 AND 70 GROUP BY 1';
    const { scans } = await oracle.plan(sql, { taskCount: 2 });
    const groups = scans.flatMap(({ files }) => files.flatMap(({ rowGroups }) => rowGroups));
    expect(groups.length).toBeLessThan(6);
    expect(new Set(groups.flatMap(({ partitions }) => partitions))).toEqual(new Set([0, 1]));
  });

  it('is told by EXPLAIN', async () => {
    const { fragments } = await oracle.plan(
      'EXPLAIN SELECT l.v FROM ordered l JOIN unique_keys r ON l.k = r.k',
      { taskCount: 4, properties: { replicated_scans: 'off' } },
    );
    expect(fragments[0]?.sql).toContain(
      'partitioning: range(k, 4) (scan_0 = ordered, scan_1 = unique_keys)',
    );
  });

  it('reads a small table in every task, and says so', async () => {
    const sql = 'SELECT count(*), sum(r.v) FROM ordered l JOIN unique_keys r ON l.v = r.k';
    const { plan, difference } = await oracle.compare(sql, { taskCount: 3 });
    expect(difference).toBeUndefined();
    expect(plan.fragments.map(({ partitioning }) => partitioning.kind)).toEqual([
      'fixed-source',
      'single',
    ]);
    expect(plan.fragments[0]?.partitioning).toMatchObject({ layout: 'shares(3)' });
    const partitionsOf = (table: string): readonly number[] => {
      const scan = plan.fragments[0]?.scans.find((each) => each.table.includes(table));
      const files = plan.scans.find(({ sourceId }) => sourceId === scan?.sourceId)?.files ?? [];
      return files.flatMap(({ rowGroups }) =>
        rowGroups.map(({ partitions = [] }) => partitions.length),
      );
    };
    expect(new Set(partitionsOf('ordered'))).toEqual(new Set([1]));
    expect(new Set(partitionsOf('unique_keys'))).toEqual(new Set([3]));
    const properties = { colocated_execution: 'off', replicated_scans: 'off' };
    const off = await oracle.plan(sql, { taskCount: 3, properties });
    const kinds = off.fragments.map(({ partitioning }) => partitioning.kind);
    expect(kinds).not.toContain('fixed-source');
  });
});
