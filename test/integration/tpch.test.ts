import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  answerDifference,
  readArrowAnswer,
  readArrowAnswers,
} from '../../bench/tpch/answer.ts';
import { PlainDuckDB } from '../support/plain-duckdb.ts';
import { SkeinClient } from '../support/skein-client.ts';
import { type Cluster, spawnSkein, startServe } from '../support/skein-process.ts';
import { TPCH_QUERIES, type TpchQuery } from '../support/tpch-queries.ts';

const expected = new Map<string, Answer>();

beforeAll(async () => {
  using duckdb = await PlainDuckDB.open();
  for (const { name, sql } of TPCH_QUERIES) expected.set(name, await duckdb.answer(sql));
});

function expectAnswer({ name, sql }: TpchQuery, actual: Answer | undefined): void {
  const answer = expected.get(name);
  if (answer === undefined || actual === undefined) throw new Error(`no answer to ${name}`);
  expect(answerDifference(actual, answer, sql), name).toBeUndefined();
}

describe.each([
  { workers: 2, distributions: ['always', 'auto', 'never'] },
  { workers: 5, distributions: ['always'] },
])('TPC-H on $workers workers', ({ workers, distributions }) => {
  let cluster: Cluster;
  let client: SkeinClient;
  beforeAll(async () => {
    cluster = await startServe({ workers });
    client = new SkeinClient(cluster.address);
  });
  afterAll(async () => {
    client[Symbol.dispose]();
    expect(await cluster.stop()).toBe(0);
  });

  it('counts lineitem', async () => {
    expect((await client.run('SELECT count(*) FROM lineitem')).rows).toEqual([['60175']]);
  });

  const runs = distributions.flatMap((distribution) =>
    TPCH_QUERIES.map(({ name, sql }) => ({ name, sql, distribution })),
  );
  it.each(runs)('$name, distribution=$distribution', async ({ name, sql, distribution }) => {
    const { queryId, arrowIpc } = await client.runToArrow(sql, { distribution });
    expectAnswer({ name, sql }, readArrowAnswer(arrowIpc));
    const { rung, rungReason } = await client.get(queryId);
    if (distribution === 'always')
      expect({ rung, rungReason }).toMatchObject({ rung: 'distributed' });
    else expect(rung).toBe('small');
  });
});

describe('TPC-H in the embedded cluster', () => {
  it.each(['always', 'auto'])('all 22, distribution=%s', async (distribution) => {
    const script = TPCH_QUERIES.map(({ sql }) => sql).join('\n');
    const child = spawnSkein(['sql', '--format', 'arrow', '--set', `distribution=${distribution}`]);
    child.stdin?.end(script);
    const chunks: Buffer[] = [];
    for await (const chunk of child.stdout ?? []) chunks.push(chunk as Buffer);
    const answers = readArrowAnswers(Buffer.concat(chunks));
    expect(answers).toHaveLength(TPCH_QUERIES.length);
    for (const [i, query] of TPCH_QUERIES.entries()) expectAnswer(query, answers[i]);
  });
});
