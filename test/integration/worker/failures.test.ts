import { copyFileSync, readFileSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineError, type ErrorCode } from '../../../services/common/error.ts';
import type { Column } from '../../../services/common/plan/column-type.ts';
import type { PlanFragment } from '../../../services/common/plan/plan-fragment.ts';
import type { FileSplit } from '../../../services/common/plan/split.ts';
import {
  dataFile,
  EXCHANGE,
  fileSplit,
  fragmentOf,
  oracle,
  remoteSource,
  type RunOptions,
  SlotHarness,
  tableScan,
} from '../../support/slot-harness.ts';

let slots: SlotHarness;
beforeAll(async () => (slots = await SlotHarness.open({ memoryBytes: 512 << 20 })));
afterAll(async () => await slots[Symbol.asyncDispose]());

async function failureOf(fragment: PlanFragment, options: RunOptions = {}): Promise<EngineError> {
  try {
    await slots.run(fragment, options);
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
  throw new Error('the fragment did not fail');
}

async function expectServing(): Promise<void> {
  expect(await slots.rows(await fragmentOf('SELECT 1 AS c0'))).toEqual([[1]]);
}

const MANY = 'FROM range(3000000) AS many(i)';
const LATE = 'i = 2900000';

describe('an error in the middle of a result', () => {
  it.each<[ErrorCode, string]>([
    [
      'CONVERSION_ERROR',
      `SELECT CAST(CASE WHEN ${LATE} THEN 'x' ELSE '1' END AS INTEGER) AS c0 ${MANY}`,
    ],
    [
      'OUT_OF_RANGE',
      `SELECT CASE WHEN ${LATE} THEN 9223372036854775807 ELSE 1 END + i AS c0 ${MANY}`,
    ],
    [
      'INVALID_INPUT',
      `SELECT CASE WHEN ${LATE} THEN error('stop') ELSE i::VARCHAR END AS c0 ${MANY}`,
    ],
    [
      'CONVERSION_ERROR',
      `SELECT CASE WHEN ${LATE} THEN 1e40 ELSE i END::DECIMAL(18, 2) AS c0 ${MANY}`,
    ],
  ])('is %s, whoever has read rows by then: %s', async (code, sql) => {
    for (const ordered of [true, false]) {
      let rows = 0;
      const accept: RunOptions['accept'] = ({ rowCount }) => void (rows += rowCount);
      const error = await failureOf(await fragmentOf(sql), {
        accept,
        ordered,
        deals: [EXCHANGE],
        threads: 'worker',
      });
      expect(error.code, error.message).toBe(code);
      expect(rows).toBeGreaterThan(0);
      expect(rows).toBeLessThan(3_000_000);
    }
    await expectServing();
  });

  it('is invalid input for a subquery of two rows: DuckDB says no more of it than that', async () => {
    const error = await failureOf(
      await fragmentOf('SELECT (SELECT unnest([i, 1])) AS c0 FROM range(2) t(i)'),
    );
    expect(error.code).toBe('INVALID_INPUT');
  });

  it('of a page is PAGE_CORRUPT', async () => {
    const { columns } = await oracle('SELECT 1::BIGINT AS c0');
    const fragment = await fragmentOf('SELECT sum(c0) FROM remote_5', {
      remoteSources: [remoteSource(5, columns)],
    });
    const error = await failureOf(fragment, { inputs: { 5: [new ArrayBuffer(64)] } });
    expect(error.code).toBe('PAGE_CORRUPT');
    await expectServing();
  });

  it('of a remote source that is read twice is no empty input', async () => {
    const { columns } = await oracle('SELECT 1::BIGINT AS c0');
    const fragment = await fragmentOf('FROM remote_5', {
      remoteSources: [remoteSource(5, columns)],
    });
    const twice = { ...fragment, sql: 'FROM remote_5 UNION ALL FROM page_source(5)' };
    const error = await failureOf(twice, { inputs: { 5: [] } });
    expect(error.code).toBe('INTERNAL_ERROR');
    await expectServing();
  });

  it('of columns that are not what was planned is found before a byte is misread', async () => {
    const fragment = await fragmentOf('SELECT 1::INTEGER AS c0');
    const wrong: PlanFragment = { ...fragment, columns: [{ name: 'c0', type: { id: 'VARCHAR' } }] };
    expect(await failureOf(wrong)).toMatchObject({ code: 'INTERNAL_ERROR' });
  });
});

describe('a task without enough memory', () => {
  const HUNGRY = 'SELECT list(i) AS c0 FROM range(200000000) t(i)';

  it('is OUT_OF_MEMORY, alone: the tasks beside it go on', async () => {
    const other = await fragmentOf('SELECT sum(i)::BIGINT AS c0 FROM range(20000000) t(i)');
    const [error, rows] = await Promise.all([
      fragmentOf(HUNGRY).then(async (fragment) => await failureOf(fragment)),
      slots.rows(other),
    ]);
    expect(error.code).toBe('OUT_OF_MEMORY');
    expect(rows).toEqual([[199_999_990_000_000n]]);
    await expectServing();
  });

  it('spills what can be spilled', async () => {
    const sorted = `SELECT hash(i) AS h, repeat('x', 40) || i AS t FROM range(3000000) r(i) ORDER BY h LIMIT 2900000`;
    const sql = `SELECT max(length(t)) AS c0 FROM (${sorted})`;
    const { statement, pages } = await slots.run(await fragmentOf(sql));
    expect(pages).toHaveLength(1);
    expect(statement.peakMemoryBytes).toBeGreaterThan(0);
    expect(statement.spilledBytes).toBeGreaterThan(0);
  });
});

describe('a profiled statement', () => {
  it('gives the same rows, and the memory that DuckDB has measured', async () => {
    const fragment = await fragmentOf(
      'SELECT i % 10 AS c0, count(*) AS c1 FROM range(100000) t(i) GROUP BY 1 ORDER BY 1',
    );
    const expected = await slots.rows(fragment);
    expect(await slots.rows(fragment, { isProfiled: true })).toEqual(expected);
    const { statement } = await slots.run(fragment, { isProfiled: true });
    expect(statement).toMatchObject({ outputRows: 10, spilledBytes: 0 });
    expect(statement.peakMemoryBytes).toBeGreaterThan(0);
    expect(statement.cpuMs).toBeGreaterThan(0);
  });

  it('fails with the code of its error', async () => {
    const fragment = await fragmentOf("SELECT CAST('x' || i AS INTEGER) AS c0 FROM range(9) t(i)");
    const failed = slots.run(fragment, { isProfiled: true });
    await expect(failed).rejects.toMatchObject({ code: 'CONVERSION_ERROR' });
  });
});

describe('a file that is not what was planned', () => {
  const COLUMNS: readonly Column[] = [
    { name: 'n_nationkey', type: { id: 'INTEGER' } },
    { name: 'n_name', type: { id: 'VARCHAR' } },
  ];
  const SQL = 'SELECT sum(c0)::BIGINT AS c0, max(c1) AS c1 FROM scan_1';

  async function scanFailure(split: FileSplit): Promise<EngineError> {
    const scans = [tableScan('nation', COLUMNS)];
    const fragment = await fragmentOf(SQL, { scans });
    const good = fileSplit(dataFile('nation'), 0, 25);
    const error = await failureOf(fragment, { splits: { 1: [good, split] } });
    expect(error.message).toContain(split.path);
    expect(error.details).toMatchObject({ file: split.path, table: 'nation' });
    await expectServing();
    return error;
  }

  function copyOf(table: string, name: string): string {
    const path = join(slots.directory, name);
    copyFileSync(dataFile(table), path);
    return path;
  }

  it('because it has rows of another bucket', async () => {
    const partitioning = { predicates: ['c0 < 24'], mismatch: 'fail' } as const;
    const scans = [{ ...tableScan('nation', COLUMNS), partitioning }];
    const fragment = await fragmentOf(SQL, { scans });
    const good = fileSplit(dataFile('nation'), 0, 24);
    expect(await slots.rows(fragment, { splits: { 1: [good] } })).toHaveLength(1);
    const astray = fileSplit(copyOf('nation', 'astray.parquet'), 20, 5);
    expect(await failureOf(fragment, { splits: { 1: [good, astray] } })).toMatchObject({
      code: 'SOURCE_CORRUPT',
      details: { file: astray.path, table: 'nation' },
    });
    await expectServing();
  });

  it('because it is missing', async () => {
    const path = copyOf('nation', 'missing.parquet');
    const split = fileSplit(path, 0, 25);
    unlinkSync(path);
    expect((await scanFailure(split)).code).toBe('SOURCE_NOT_FOUND');
  });

  it('because it was written again', async () => {
    const path = copyOf('nation', 'touched.parquet');
    const split = fileSplit(path, 0, 25);
    utimesSync(path, 1, 1);
    expect((await scanFailure(split)).code).toBe('SOURCE_CHANGED');
  });

  it('because it is cut off', async () => {
    const path = copyOf('nation', 'cut.parquet');
    writeFileSync(path, readFileSync(path).subarray(0, 500));
    expect((await scanFailure(fileSplit(path, 0, 25))).code).toBe('SOURCE_CORRUPT');
  });

  it('because the bytes of a column are damaged', async () => {
    const path = copyOf('customer', 'damaged.parquet');
    const bytes = readFileSync(path);
    bytes.fill(0x5a, 2000, bytes.length - 20_000);
    writeFileSync(path, bytes);
    const columns: readonly Column[] = [
      { name: 'c_custkey', type: { id: 'BIGINT' } },
      { name: 'c_comment', type: { id: 'VARCHAR' } },
    ];
    const scans = [tableScan('customer', columns)];
    const fragment = await fragmentOf('SELECT max(c0), max(c1) FROM scan_1', { scans });
    const error = await failureOf(fragment, { splits: { 1: [fileSplit(path, 0, 1500)] } });
    expect(error).toMatchObject({ code: 'SOURCE_CORRUPT', details: { file: path } });
    expect(error.details['column']).toMatch(/^c_(custkey|comment)$/);
  });

  it('because it lacks a column', async () => {
    const path = copyOf('region', 'region.parquet');
    const error = await scanFailure(fileSplit(path, 0, 5));
    expect(error).toMatchObject({
      code: 'SOURCE_SCHEMA_MISMATCH',
      details: { column: 'n_nationkey' },
    });
  });

  it('because a column is of another type', async () => {
    const path = copyOf('nation', 'other.parquet');
    const columns: readonly Column[] = [{ name: 'n_name', type: { id: 'BIGINT' } }];
    const sql = 'SELECT sum(c0)::BIGINT AS c0 FROM scan_1';
    const scans = [tableScan('nation', columns)];
    const fragment = await fragmentOf(sql, { scans });
    const error = await failureOf(fragment, { splits: { 1: [fileSplit(path, 0, 25)] } });
    expect(error).toMatchObject({
      code: 'SOURCE_SCHEMA_MISMATCH',
      details: { column: 'n_name', file: path },
    });
  });

  it('is not blamed for what the SQL does to it', async () => {
    const scans = [tableScan('nation', COLUMNS)];
    const fragment = await fragmentOf('SELECT c1::BIGINT AS c0 FROM scan_1', { scans });
    const error = await failureOf(fragment, {
      splits: { 1: [fileSplit(dataFile('nation'), 0, 25)] },
    });
    expect(error.code).toBe('CONVERSION_ERROR');
    // DuckDB's position is one in the statement that the planner wrote, which the user has never seen.
    expect(error.position).toBeUndefined();
  });

  it('is out of reach outside of the allowed directories', async () => {
    const fragment = await fragmentOf(`SELECT count(*) AS c0 FROM range(1)`);
    const reading = { ...fragment, sql: `SELECT count(*) AS c0 FROM read_text('/etc/hostname')` };
    expect((await failureOf(reading)).code).toBe('FILE_NOT_ALLOWED');
  });
});
