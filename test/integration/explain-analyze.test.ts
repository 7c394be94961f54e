/** EXPLAIN ANALYZE over a real cluster: what it counts must be what TPC-H at scale 0.01 is known to hold. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SkeinClient } from '../support/skein-client.ts';
import { type Cluster, startServe } from '../support/skein-process.ts';
import type { Analysis, StageAnalysis } from '../../services/coordinator/explain/analysis.ts';

const LINEITEM_ROWS = 60_175;
const ORDERS_ROWS = 15_000;

let cluster: Cluster;
let client: SkeinClient;
beforeAll(async () => {
  cluster = await startServe({ workers: 2 });
  client = new SkeinClient(cluster.address);
});
afterAll(async () => {
  client[Symbol.dispose]();
  expect(await cluster.stop()).toBe(0);
});

async function analyze(sql: string, distribution = 'always'): Promise<Analysis> {
  const explained = `EXPLAIN (ANALYZE, FORMAT json) ${sql}`;
  // Ranges of a key overlap in row groups, which are read twice then.
  const properties = { distribution, colocated_execution: 'off', replicated_scans: 'off' };
  const { columnNames, rows } = await client.run(explained, properties);
  expect(columnNames).toEqual(['explain_key', 'explain_value']);
  expect(rows.map(([key]) => key)).toEqual(['analyzed_plan']);
  return JSON.parse(rows[0]?.[1] ?? '') as Analysis;
}

function scanOf(analysis: Analysis, table: string): StageAnalysis {
  const stage = analysis.stages.find(({ tables }) => tables.includes(table));
  if (stage === undefined) throw new Error(`no stage scans ${table}`);
  return stage;
}

const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);

describe('EXPLAIN ANALYZE', () => {
  it('counts the rows of every stage of a distributed join', async () => {
    const analysis = await analyze(
      `SELECT o_orderpriority, count(*) FROM orders JOIN lineitem ON o_orderkey = l_orderkey
       WHERE l_quantity > 49 GROUP BY 1`,
    );
    expect(analysis).toMatchObject({ rung: 'distributed', rows: 5 });
    const lineitem = scanOf(analysis, 'lineitem');
    const orders = scanOf(analysis, 'orders');
    expect(lineitem).toMatchObject({ scanned_rows: LINEITEM_ROWS });
    expect(orders).toMatchObject({ scanned_rows: ORDERS_ROWS });
    expect(analysis.scanned_rows).toBe(LINEITEM_ROWS + ORDERS_ROWS);
    const matching = await client.run('SELECT count(*) FROM lineitem WHERE l_quantity > 49');
    expect(lineitem.output_rows).toBe(Number(matching.rows[0]?.[0]));
    for (const stage of analysis.stages) {
      expect(sum(stage.tasks.map((task) => task.output_rows))).toBe(stage.output_rows);
      expect(sum(stage.tasks.map((task) => task.splits))).toBe(stage.splits);
      expect(stage.cpu_ms).toBeGreaterThan(0);
      expect(stage.peak_memory_bytes).toBeGreaterThan(0);
    }
    // Few rows of lineitem are left: they are built on before orders probes (phased).
    expect(lineitem.start_reason).toBe('nothing-before-it');
    expect(orders.start_reason).toBe('builds-scheduled');
    expect(orders.started_after_ms).toBeGreaterThanOrEqual(lineitem.started_after_ms ?? Infinity);
    // What a stage without copies sends arrives whole at the next.
    const root = analysis.stages.at(-1);
    const before = analysis.stages.find(({ stage }) => stage === root?.inputs[0]);
    expect(root?.input_rows).toBe(before?.output_rows);
    expect(root?.input_bytes).toBe(before?.output_bytes);
    expect(analysis.planning_ms).toBeGreaterThanOrEqual(0);
  });

  it('tells what statistics have pruned', async () => {
    const analysis = await analyze('SELECT l_orderkey FROM lineitem WHERE l_orderkey < 100');
    const stage = scanOf(analysis, 'lineitem');
    expect(stage.pruned_row_groups).toBeGreaterThan(0);
    expect(stage.scanned_rows).toBeLessThan(LINEITEM_ROWS);
    expect(stage.splits).toBeGreaterThan(0);
  });

  it('is for people too, and leaves the rows where they are', async () => {
    const sql = 'EXPLAIN ANALYZE SELECT * FROM lineitem, range(3) ORDER BY l_comment';
    const { rows } = await client.run(sql, { distribution: 'always' });
    const texts = new Map(rows.map(([key, value]) => [key, value ?? '']));
    expect(texts.get('rung')).toContain('rung: distributed');
    expect(texts.get('query')).toContain('rows: 180,525\n');
    expect([...texts.values()].join('\n')).toContain('scan: ');
  });

  it('runs a small query as small as it is', async () => {
    const analysis = await analyze('SELECT n_name FROM nation LIMIT 3', 'auto');
    expect(analysis).toMatchObject({ rung: 'small', rows: 3, exchanged_bytes: 0 });
    expect(analysis.stages).toHaveLength(1);
  });

  it('fails with the statement’s own error', async () => {
    const running = analyze('SELECT CAST(l_comment AS INTEGER) FROM lineitem');
    await expect(running).rejects.toMatchObject({ code: 'CONVERSION_ERROR' });
    await expect(analyze('SELECT nothing FROM lineitem')).rejects.toMatchObject({
      code: 'COLUMN_NOT_FOUND',
    });
  });
});

describe('the statistics of a query', () => {
  it('are those of files and processors', async () => {
    const { queryId } = await client.run(
      'SELECT l_returnflag, sum(l_quantity) FROM lineitem GROUP BY 1',
      { distribution: 'always' },
    );
    const { progress } = await client.get(queryId);
    expect(progress?.inputRows).toBe(BigInt(LINEITEM_ROWS));
    expect(progress?.outputRows).toBe(3n);
    const cpu = progress?.cpuTime;
    expect(Number(cpu?.seconds ?? 0n) + (cpu?.nanos ?? 0)).toBeGreaterThan(0);
  });
});
