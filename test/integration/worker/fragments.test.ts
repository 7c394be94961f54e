import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Page } from '../../../services/common/page/page.ts';
import type { Column } from '../../../services/common/plan/column-type.ts';
import {
  arrowRows,
  dataFile,
  EXCHANGE,
  fileSplit,
  fragmentOf,
  oracle,
  remoteSource,
  RESULT,
  SlotHarness,
  splitsOf,
  tableScan,
} from '../../support/slot-harness.ts';

let slots: SlotHarness;
beforeAll(async () => (slots = await SlotHarness.open()));
afterAll(async () => await slots[Symbol.asyncDispose]());

const LINEITEM: readonly Column[] = [
  { name: 'l_orderkey', type: { id: 'BIGINT' } },
  { name: 'l_quantity', type: { id: 'DECIMAL', width: 15, scale: 2 } },
  { name: 'l_comment', type: { id: 'VARCHAR' } },
];
const LINEITEM_ROWS = 60_175;
const lineitem = dataFile('lineitem');
const ALL_LINEITEM = { 1: [fileSplit(lineitem, 0, LINEITEM_ROWS)] };

describe('a leaf fragment', () => {
  it('answers SELECT 1', async () => {
    const fragment = await fragmentOf('SELECT 1 AS c0');
    expect(await slots.rows(fragment)).toEqual([[1]]);
  });

  it('reads exactly the rows of its splits', async () => {
    const scans = [tableScan('lineitem', LINEITEM)];
    const fragment = await fragmentOf('SELECT count(*), max(c2) FROM scan_1', { scans });
    const splits = { 1: [fileSplit(lineitem, 8192, 8192), fileSplit(lineitem, 32_768, 100)] };
    const expected = await oracle(
      `SELECT count(*), max(l_comment) FROM read_parquet('${lineitem}', file_row_number = true)
       WHERE file_row_number BETWEEN 8192 AND 16383 OR file_row_number BETWEEN 32768 AND 32867`,
    );
    expect(await slots.rows(fragment, { splits })).toEqual(expected.rows);
  });

  it('counts the rows of a scan without columns', async () => {
    const fragment = await fragmentOf('SELECT count(*) FROM scan_1', {
      scans: [tableScan('lineitem', [])],
    });
    expect(await slots.rows(fragment, { splits: ALL_LINEITEM })).toEqual([[60_175n]]);
  });

  it('sees no rows without splits (T23)', async () => {
    const scans = [tableScan('lineitem', LINEITEM)];
    const fragment = await fragmentOf('SELECT count(*), sum(c0) FROM scan_1', { scans });
    expect(await slots.rows(fragment)).toEqual([[0n, null]]);
  });

  it('keeps the order of its rows', async () => {
    const scans = [tableScan('lineitem', LINEITEM)];
    const sql = 'SELECT c2, c0 FROM scan_1 ORDER BY c2 DESC, c0';
    const fragment = await fragmentOf(sql, { scans });
    const options = { splits: ALL_LINEITEM, threads: 'worker' } as const;
    const expected = await oracle(
      `SELECT l_comment, l_orderkey FROM '${lineitem}' ORDER BY l_comment DESC, l_orderkey`,
    );
    expect(await slots.rows(fragment, options)).toEqual(expected.rows);
  });

  it('stops at its row limit', async () => {
    const fragment = await fragmentOf('SELECT range AS c0 FROM range(1000000000000)');
    const { pages, statement } = await slots.run(fragment, { rowLimit: 5000 });
    expect(statement).toMatchObject({ limitReached: true, outputRows: 5000 });
    expect(pages.reduce((rows, page) => rows + page.rowCount, 0)).toBe(5000);
  });

  it('may end its SQL with a comment', async () => {
    expect(await slots.rows(await fragmentOf('SELECT 1 AS c0 -- one\n'))).toEqual([[1]]);
  });
});

const sorted = (texts: readonly unknown[]): readonly string[] =>
  texts.map(String).sort((a, b) => (a < b ? -1 : 1));

describe('a hash output', () => {
  it('sends each row to the partition of its key, once', async () => {
    const scans = [tableScan('lineitem', LINEITEM)];
    const fragment = await fragmentOf('SELECT c0, c2 FROM scan_1', { scans });
    const deal = { keys: ['c0'], partitionCount: 5, layout: 'result' } as const;
    const deals = [deal, EXCHANGE];
    const { pages } = await slots.run(fragment, {
      deals,
      splits: ALL_LINEITEM,
      ordered: false,
      threads: 'worker',
    });
    const seen: unknown[] = [];
    const partitionOfKey = new Map<unknown, number>();
    for (const { page, partition } of pages.filter((page) => page.deal === 0)) {
      for (const [key, comment] of arrowRows(fragment.columns, [page])) {
        expect(partitionOfKey.get(key) ?? partition).toBe(partition);
        partitionOfKey.set(key, partition);
        seen.push(`${String(key)} ${String(comment)}`);
      }
    }
    const all = await oracle(`SELECT l_orderkey || ' ' || l_comment FROM '${lineitem}'`);
    expect(sorted(seen)).toEqual(sorted(all.rows.flat()));
    const expected = await oracle(
      `SELECT l_orderkey, (hash(l_orderkey) % 5)::INTEGER FROM '${lineitem}'`,
    );
    for (const [key, partition] of expected.rows) expect(partitionOfKey.get(key)).toBe(partition);
    const shared = pages.filter((page) => page.deal === 1);
    expect(shared.reduce((rows, page) => rows + page.rowCount, 0)).toBe(LINEITEM_ROWS);
  });
});

describe('remote sources', () => {
  const exchange = { deals: [EXCHANGE], ordered: false };

  async function pagesOf(sql: string): Promise<{ columns: readonly Column[]; pages: Page[] }> {
    const fragment = await fragmentOf(sql);
    const { pages } = await slots.run(fragment, exchange);
    return { columns: fragment.columns, pages: pages.map(({ page }) => page) };
  }

  it('are joined', async () => {
    const left = await pagesOf(
      `SELECT range AS c0, 'left ' || range AS c1 FROM range(0, 50000, 2)`,
    );
    const right = await pagesOf(
      `SELECT range AS c0, 'the right one of ' || range AS c1 FROM range(0, 50000, 3)`,
    );
    const sql =
      'SELECT count(*), min(a.c1), max(b.c1), sum(a.c0) FROM remote_5 a JOIN remote_6 b ON a.c0 = b.c0';
    const fragment = await fragmentOf(sql, {
      remoteSources: [remoteSource(5, left.columns), remoteSource(6, right.columns)],
    });
    const inputs = { 5: left.pages, 6: right.pages };
    const expected = await oracle(
      `SELECT count(*), 'left ' || min(r::VARCHAR), max('the right one of ' || r), sum(r::HUGEINT)
       FROM (SELECT range AS r FROM range(0, 50000, 6))`,
    );
    const [row] = await slots.rows(fragment, { inputs });
    expect(row?.slice(0, 3)).toEqual(expected.rows[0]?.slice(0, 3));
  });

  it('may be mentioned more than once: they are read once and kept', async () => {
    const input = await pagesOf('SELECT range AS c0 FROM range(10000)');
    const sql = 'SELECT count(*) FROM remote_5 a JOIN remote_5 b ON a.c0 = b.c0 + 1';
    const fragment = await fragmentOf(sql, { remoteSources: [remoteSource(5, input.columns)] });
    expect(await slots.rows(fragment, { inputs: { 5: input.pages } })).toEqual([[9999n]]);
    // The slot has forgotten them: the next fragment loads its own.
    expect(await slots.rows(fragment, { inputs: {} })).toEqual([[0n]]);
  });

  it('are read once where DuckDB would rather join them with themselves', async () => {
    const input = await pagesOf('SELECT DISTINCT range AS c0, range % 10 AS c1 FROM range(10000)');
    const fragment = await fragmentOf(
      'SELECT count(*), max(c2) FROM (SELECT *, count(*) OVER (PARTITION BY c1) AS c2 FROM remote_5)',
      { remoteSources: [remoteSource(5, input.columns)] },
    );
    const [row] = await slots.rows(fragment, { inputs: { 5: input.pages } });
    expect(row).toEqual([10_000n, 1000n]);
  });

  it('are kept between the batches of an incremental fragment', async () => {
    const nations = await pagesOf(`SELECT range::BIGINT AS c0 FROM range(0, 60000, 7)`);
    const fragment = await fragmentOf(
      'SELECT count(*) FROM scan_1 JOIN remote_5 ON scan_1.c0 = remote_5.c0',
      {
        inputMode: 'incremental',
        scans: [tableScan('lineitem', LINEITEM)],
        remoteSources: [remoteSource(5, nations.columns, { delivery: 'broadcast' })],
      },
    );
    const slot = await slots.acquire(fragment);
    const pages: Page[] = [];
    slots.begin(slot, fragment, {
      inputs: { 5: nations.pages },
      accept: ({ page }) => void pages.push(page),
    });
    for (const [from, count] of [
      [0, 8192],
      [8192, 16_384],
      [24_576, LINEITEM_ROWS - 24_576],
    ] as const) {
      const splits = splitsOf({ splits: { 1: [fileSplit(lineitem, from, count)] } });
      await slot.execute({ splits, flush: false });
    }
    await slot.flush();
    await slot.release();
    const counts = arrowRows(fragment.columns, pages).flat() as bigint[];
    const expected = await oracle(`SELECT count(*) FROM '${lineitem}' WHERE l_orderkey % 7 = 0`);
    expect(counts).toHaveLength(3);
    expect([[counts.reduce((total, count) => total + count, 0n)]]).toEqual(expected.rows);
  });

  it('may have rows without columns', async () => {
    const rows = await fragmentOf('SELECT NULL AS c0 FROM range(70000)');
    const { pages } = await slots.run({ ...rows, columns: [] }, exchange);
    const fragment = await fragmentOf('SELECT count(*) FROM remote_5', {
      remoteSources: [remoteSource(5, [])],
    });
    const inputs = { 5: pages.map(({ page }) => page) };
    expect(await slots.rows(fragment, { inputs })).toEqual([[70_000n]]);
  });

  it('carry every type of DuckDB there and back', async () => {
    const names = (await oracle(`SELECT * FROM test_all_types()`)).columns;
    const texts = names.map(({ name }, i) => `"${name}"::VARCHAR AS c${i}`).join(', ');
    const expected = await oracle(`SELECT ${texts} FROM test_all_types()`);
    const select = names.map(({ name }, i) => `"${name}" AS c${i}`).join(', ');
    const input = await pagesOf(`SELECT ${select} FROM test_all_types()`);
    const casts = names.map((_name, i) => `c${i}::VARCHAR AS c${i}`).join(', ');
    const fragment = await fragmentOf(`SELECT ${casts} FROM remote_5`, {
      remoteSources: [remoteSource(5, input.columns)],
    });
    const rows = await slots.rows(fragment, { inputs: { 5: input.pages }, deals: [RESULT] });
    expect(rows).toEqual(expected.rows);
  });

  it('carry nested and repeated values of a scan', async () => {
    const columns: Column[] = [{ name: 'l_shipmode', type: { id: 'VARCHAR' } }];
    const sql = `SELECT c0, [c0, NULL, 'a longer constant text'] AS c1, {'m': c0, 'n': [c0]} AS c2,
                        MAP {c0: 1} AS c3, 'constant' AS c4, NULL::INTEGER[] AS c5 FROM scan_1`;
    const scanned = await fragmentOf(sql, { scans: [tableScan('lineitem', columns)] });
    const { pages } = await slots.run(scanned, { ...exchange, splits: ALL_LINEITEM });
    const aggregate = (values: string): string =>
      `SELECT ${values}::VARCHAR AS c0, count(*) AS c1 FROM`;
    const fragment = await fragmentOf(
      `${aggregate('(c0, c1, c2, c3, c4, c5)')} remote_5 GROUP BY ALL ORDER BY ALL`,
      { remoteSources: [remoteSource(5, scanned.columns)] },
    );
    const rows = await slots.rows(fragment, { inputs: { 5: pages.map(({ page }) => page) } });
    const expected = await oracle(
      `${aggregate('(c0, c1, c2, c3, c4, c5)')} (${sql.replace('scan_1', `(SELECT l_shipmode AS c0 FROM '${lineitem}')`)})
       GROUP BY ALL ORDER BY ALL`,
    );
    expect(rows).toEqual(expected.rows);
  });
});
