import { afterEach, expect, it } from 'vitest';
import { readText, SlotConnection } from '../../../../services/worker/duckdb/slot-connection.ts';

let connection: SlotConnection | undefined;
afterEach(() => connection?.close());

/** Which of the three tables DuckDB joins first, in the order of probe and build. */
async function firstJoined(mayReorderJoins: boolean, sql: string): Promise<string> {
  connection?.close();
  connection = await SlotConnection.open({
    memoryLimitBytes: 64 << 20,
    threads: 1,
    mayReorderJoins,
    allowedDirectories: [],
  });
  await connection.run('CREATE TABLE a AS SELECT i AS id, i % 7 AS k FROM range(50000) AS r(i)');
  await connection.run('CREATE TABLE b AS SELECT i % 7 AS k FROM range(50000) AS r(i)');
  await connection.run('CREATE TABLE c AS SELECT i AS id FROM range(3) AS r(i)');
  const explained = await connection.run(`EXPLAIN (FORMAT json) SELECT count(*) ${sql}`);
  const plan = JSON.parse(readText(explained, 1)) as readonly PlanNode[];
  const names = deepestJoin(plan[0]).map((node) => node.extra_info?.Table?.split('.').at(-1));
  return names.join();
}

interface PlanNode {
  readonly name: string;
  readonly children: readonly PlanNode[];
  readonly extra_info?: { readonly Table?: string };
}

/** The scans below the join that has no join below it. */
function deepestJoin(node: PlanNode | undefined): readonly PlanNode[] {
  if (node === undefined) return [];
  const below = node.children.flatMap(scansBelow);
  const inner = node.children.find((child) => scansBelow(child).length > 1);
  return inner === undefined ? below : deepestJoin(inner);
}

function scansBelow(node: PlanNode): readonly PlanNode[] {
  const isScan = node.extra_info?.Table !== undefined;
  return isScan ? [node] : node.children.flatMap(scansBelow);
}

const MANY_TO_MANY_FIRST = 'FROM a JOIN b ON a.k = b.k JOIN c ON a.id = c.id';

it('keeps the order of joins that a plan has chosen', async () => {
  expect(await firstJoined(false, MANY_TO_MANY_FIRST)).toBe('a,b');
});

it('orders the joins of a statement that no plan has ordered', async () => {
  expect(await firstJoined(true, MANY_TO_MANY_FIRST)).toBe('a,c');
});

it('builds on the side that a plan has chosen, whatever it believes of their sizes', async () => {
  expect(await firstJoined(false, 'FROM c JOIN a ON a.id = c.id')).toBe('c,a');
  expect(await firstJoined(true, 'FROM c JOIN a ON a.id = c.id')).toBe('a,c');
});
