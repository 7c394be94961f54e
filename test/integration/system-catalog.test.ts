/** The catalog `system` over a real cluster: what it shows is what has just been done. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SkeinClient } from '../support/skein-client.ts';
import { type Cluster, startServe } from '../support/skein-process.ts';

const LINEITEM_ROWS = '60175';

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

async function rows(
  sql: string,
  distribution = 'auto',
): Promise<readonly (readonly (string | null)[])[]> {
  return (await client.run(sql, { distribution })).rows;
}

describe('the catalog system', () => {
  it('shows the query that looks, running', async () => {
    const sql = "SELECT query_id, sql FROM system.queries WHERE state = 'RUNNING'";
    const { queryId, rows: found } = await client.run(sql);
    expect(found).toEqual([[queryId, sql]]);
  });

  it('counts what a query has done, stage by stage and task by task', async () => {
    const { queryId } = await client.run('SELECT l_returnflag, count(*) FROM lineitem GROUP BY 1', {
      distribution: 'always',
    });
    const of = `WHERE query_id = '${queryId}'`;
    expect(
      await rows(`SELECT state, rung, scanned_rows, output_rows, end_time > create_time
                  FROM system.queries ${of}`),
    ).toEqual([['FINISHED', 'distributed', LINEITEM_ROWS, '3', 'true']]);
    const stages = await rows(
      `SELECT stage_id, scanned_rows FROM system.stages ${of} ORDER BY stage_id`,
    );
    expect(stages[0]).toEqual(['0', LINEITEM_ROWS]);
    expect(stages.map(([stage]) => stage)).toEqual(stages.map((_, i) => String(i)));
    expect(
      await rows(`SELECT sum(t.scanned_rows), count(*) = any_value(q.tasks), bool_and(n.role = 'WORKER')
                  FROM system.tasks t JOIN system.queries q USING (query_id)
                  JOIN system.nodes n USING (node_id) ${of}`),
    ).toEqual([[LINEITEM_ROWS, 'true', 'true']]);
  });

  it('names the nodes', async () => {
    const nodes = await client.nodes();
    const shown = await rows('SELECT node_id, cores FROM system.nodes ORDER BY role, node_id');
    expect(shown).toEqual(nodes.map(({ nodeId, cores }) => [nodeId, String(cores)]));
  });

  it('joins tables of files, in one task or in many', async () => {
    const sql = 'SELECT count(*) FROM lineitem, system.nodes';
    expect(await rows(sql, 'always')).toEqual([['180525']]);
    expect(await rows(sql, 'auto')).toEqual([['180525']]);
    expect(await rows('SELECT unnest([node_id]) FROM system.nodes', 'always')).toHaveLength(3);
  });

  it('has types, and is listed like other catalogs', async () => {
    expect(await rows('SHOW TABLES FROM system')).toEqual([
      ['nodes'],
      ['queries'],
      ['resource_groups'],
      ['stages'],
      ['tasks'],
    ]);
    const types = await rows(
      'SELECT typeof(create_time), typeof(cpu_ms) FROM system.queries LIMIT 1',
    );
    expect(types).toEqual([['TIMESTAMP WITH TIME ZONE', 'DOUBLE']]);
    const listed = await client.tables('system');
    expect(listed.map(({ name }) => name)).toEqual([
      'nodes',
      'queries',
      'resource_groups',
      'stages',
      'tasks',
    ]);
  });

  it('answers EXPLAIN ANALYZE', async () => {
    const explained = await rows('EXPLAIN ANALYZE FROM system.nodes');
    expect(explained.flat().join('\n')).toContain('reads system.nodes');
  });

  it('tells of errors that queries have failed with', async () => {
    const failing = client.run("SELECT CAST('x' AS INTEGER) FROM nation");
    await expect(failing).rejects.toMatchObject({ code: 'CONVERSION_ERROR' });
    const failed = await rows(
      "SELECT error_code FROM system.queries WHERE state = 'FAILED' ORDER BY create_time DESC LIMIT 1",
    );
    expect(failed).toEqual([['CONVERSION_ERROR']]);
  });
});
