import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FetchResultsResponse } from '../../proto/gen/skein/v1/query.ts';
import { QueryState } from '../../proto/gen/skein/v1/query.ts';
import { seededRandom } from '../../services/common/random.ts';
import { eventually } from '../support/process-tree.ts';
import { SkeinClient, textRows } from '../support/skein-client.ts';
import { SLOW_STREAM } from '../support/slow-statements.ts';
import { type Cluster, startServe } from '../support/skein-process.ts';

const ALWAYS = { distribution: 'always' };
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** About 32 MB over all workers; the keys tell the rows apart. */
const KEYED =
  'SELECT l_orderkey * 10 + l_linenumber AS k, repeat(l_comment, 20) AS c FROM lineitem';

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

/** Reads until `isEnough`, then leaves the stream; what was read behind the last token is not kept. */
async function readUntil(
  queryId: string,
  token: Uint8Array,
  isEnough: (part: FetchResultsResponse) => boolean,
): Promise<{ readonly bytes: Buffer; readonly token: Uint8Array; readonly complete: boolean }> {
  const kept: Uint8Array[] = [];
  let pending: Uint8Array[] = [];
  let last = { token, complete: false };
  for await (const part of client.fetch(queryId, token)) {
    expect(part.arrowIpc.length).toBeLessThan(MAX_MESSAGE_BYTES);
    pending.push(part.arrowIpc);
    if (part.token.length > 0) {
      kept.push(...pending);
      pending = [];
      last = { token: Uint8Array.from(part.token), complete: part.complete };
    }
    if (isEnough(part)) break;
  }
  return { bytes: Buffer.concat(kept), ...last };
}

function expectAllKeys(arrowIpc: Uint8Array): void {
  const keys = textRows(arrowIpc).rows.map(([key]) => key);
  expect(keys).toHaveLength(60_175);
  expect(new Set(keys).size).toBe(60_175);
}

describe('a result', () => {
  it('goes on behind any token, with every row exactly once', async () => {
    const random = seededRandom(7);
    const { queryId } = await client.submit(KEYED, ALWAYS);
    const pieces: Buffer[] = [];
    let token: Uint8Array = new Uint8Array();
    let streams = 0;
    for (let complete = false; !complete; streams += 1) {
      const piece = await readUntil(queryId, token, () => random.next() < 0.15);
      pieces.push(piece.bytes);
      ({ token, complete } = piece);
    }
    expect(streams).toBeGreaterThan(3);
    expectAllKeys(Buffer.concat(pieces));
    await client.release(queryId, token);
  });

  it('gives the same again behind the same token', async () => {
    const { queryId } = await client.submit(KEYED, ALWAYS);
    let count = 0;
    const begin = await readUntil(queryId, new Uint8Array(), () => (count += 1) > 6);
    const [first, again] = [
      await client.readAll(queryId, begin.token),
      await client.readAll(queryId, begin.token),
    ];
    // Pages of different tasks may come in another order; each comes once.
    expect(again.arrowIpc.length).toBe(first.arrowIpc.length);
    for (const { arrowIpc } of [first, again])
      expectAllKeys(Buffer.concat([begin.bytes, arrowIpc]));
    await client.release(queryId, again.token);
    await expect(client.readAll(queryId, begin.token)).rejects.toMatchObject({
      code: 'RESULT_TOKEN_EXPIRED',
    });
  });

  it('says that a token is too old, and leaves no gap', async () => {
    const properties = { ...ALWAYS, result_replay_bytes: '1MiB' };
    const { queryId } = await client.submit(KEYED, properties);
    const tokens: Uint8Array[] = [];
    let bytes = 0;
    await readUntil(queryId, new Uint8Array(), (part) => {
      bytes += part.arrowIpc.length;
      if (part.token.length > 0) tokens.push(Uint8Array.from(part.token));
      return bytes > 12_000_000;
    });
    const [oldest, newest] = [tokens[0], tokens.at(-1)];
    for (const token of [new Uint8Array(), oldest]) {
      await expect(client.readAll(queryId, token)).rejects.toMatchObject({
        code: 'RESULT_TOKEN_EXPIRED',
      });
    }
    const rest = await client.readAll(queryId, newest);
    expect(rest.arrowIpc.length).toBeGreaterThan(0);
    await client.release(queryId, rest.token);
  });

  it('cuts a row that is larger than a message', async () => {
    const sql = `SELECT repeat(r_name, 3000000) AS x, r_regionkey AS n FROM region WHERE n = 3`;
    const { queryId } = await client.submit(sql);
    const whole = await readUntil(queryId, new Uint8Array(), ({ complete }) => complete);
    const [row] = textRows(whole.bytes).rows;
    expect(row?.[0]).toBe('EUROPE'.repeat(3_000_000));
    expect(row?.[1]).toBe('3');
    await client.release(queryId, whole.token);
  });

  it('is a stream of a schema and an end where there are no rows', async () => {
    const sql = 'SELECT l_orderkey, l_comment FROM lineitem WHERE l_orderkey < 0';
    for (const properties of [ALWAYS, {}]) {
      expect(await client.run(sql, properties)).toMatchObject({
        columnNames: ['l_orderkey', 'l_comment'],
        rows: [],
      });
    }
  });

  it('keeps names that repeat', async () => {
    const result = await client.run('SELECT 1 AS a, 2 AS a, 3 AS "A b", 4', ALWAYS);
    expect(result.columnNames).toEqual(['a', 'a', 'A b', '4']);
  });

  it('holds up the scans when its reader is slow, and costs bounded memory', async () => {
    const sql = 'SELECT repeat(l_comment, 1000) AS c FROM lineitem';
    const { queryId } = await client.submit(sql, { ...ALWAYS, split_target_bytes: '1' });
    const reading = client.fetch(queryId);
    await reading.next();
    // It stands still: the same numbers twice, a second apart.
    const standing = await eventually(async () => {
      const before = (await client.get(queryId)).progress;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const after = (await client.get(queryId)).progress;
      return before?.outputBytes === after?.outputBytes ? after : undefined;
    }, 'the query stands still');
    expect(standing?.completedSplits).toBeLessThan(standing?.totalSplits ?? 0);
    expect(standing?.inputRows).toBeLessThan(60_175n);
    await reading.return?.();
    await client.cancel(queryId);
  });

  it('ends early behind its LIMIT, and so does the work', async () => {
    const { rows, queryId } = await client.run(`${SLOW_STREAM} LIMIT 10`, ALWAYS);
    expect(rows).toHaveLength(10);
    expect((await client.get(queryId)).state).toBe(QueryState.QUERY_STATE_FINISHED);
    await eventually(async () => {
      const nodes = await client.nodes();
      return nodes.every(({ runningTasks }) => runningTasks === 0) ? true : undefined;
    }, 'no task runs');
  });

  it('is not mixed up with others at the same time', async () => {
    const answers = await Promise.all(
      Array.from({ length: 24 }, async (_, i) => {
        const sql = `SELECT count(*) + ${i} FROM lineitem JOIN orders ON l_orderkey = o_orderkey`;
        return (await client.run(sql, i % 2 === 0 ? ALWAYS : {})).rows[0]?.[0];
      }),
    );
    expect(answers).toEqual(Array.from({ length: 24 }, (_, i) => String(60_175 + i)));
  });
});

describe('an untyped NULL beside constants that DuckDB does not serialize', () => {
  it.each([
    ["NULL a, '1010'::BIT b", 'INTEGER', [null, '1010']],
    ['NULL a, 5::BIGNUM b', 'INTEGER', [null, '5']],
    ['NULL a, 1::VARIANT b', 'INTEGER', [null, '1']],
    ["[NULL] a, '1010'::BIT b", 'INTEGER[]', ['[NULL]', '1010']],
    ["{'a': NULL} a, '101'::BIT b", 'STRUCT(a INTEGER)', ["{'a': NULL}", '101']],
  ])('has the type that DuckDB gives it: %s', async (values, type, row) => {
    const { rows } = await client.run(`SELECT ${values}`);
    expect(rows).toEqual([row]);
    const described = await client.run(`DESCRIBE SELECT ${values}`);
    expect(described.rows[0]?.[1]?.replaceAll('"', '')).toBe(type);
  });
});
