import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  parseDuckDBError,
  toEngineError,
} from '../../../../services/common/duckdb/duckdb-error.ts';
import {
  openInstance,
  type OpenInstance,
} from '../../../../services/common/duckdb/open-instance.ts';
import { EngineError, type ErrorCode } from '../../../../services/common/error.ts';

let directory: string;
let opened: OpenInstance;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'skein-errors-'));
  writeFileSync(join(directory, 'broken.parquet'), 'no Parquet at all');
  const profile = { memoryLimitBytes: 40e6, threads: 1, allowedDirectories: [directory] };
  opened = await openInstance(profile);
});
afterAll(() => {
  opened.close();
  rmSync(directory, { recursive: true });
});

async function errorOf(sql: string, files?: readonly string[]): Promise<EngineError> {
  try {
    await opened.connection.run(sql);
  } catch (error) {
    return toEngineError(error, files);
  }
  throw new Error(`no error from ${sql}`);
}

const CODES: readonly (readonly [string, ErrorCode, number | undefined])[] = [
  ['SELEC 1', 'SYNTAX_ERROR', 0],
  ['SELECT 1 FROM', 'SYNTAX_ERROR', 13],
  ['SELECT * FROM nowhere', 'TABLE_NOT_FOUND', 14],
  ['SELECT nothing FROM range(1) t(i)', 'COLUMN_NOT_FOUND', 7],
  ['SELECT nofunction(1)', 'FUNCTION_NOT_FOUND', 7],
  ["SELECT sum('text')", 'FUNCTION_NOT_FOUND', 7],
  ['SELECT i, count(*) FROM range(1) t(i)', 'BIND_ERROR', 7],
  ['SELECT NULL::notype', 'BIND_ERROR', 13],
  ["SELECT 'a'::INTEGER FROM range(1)", 'CONVERSION_ERROR', 10],
  ['SELECT i + 9223372036854775807 FROM range(3) t(i)', 'OUT_OF_RANGE', undefined],
  ['SELECT (SELECT i FROM range(2) t(i))', 'INVALID_INPUT', undefined],
  ["SELECT error('boom')", 'INVALID_INPUT', undefined],
  ['SELECT list(i) FROM range(50_000_000) t(i)', 'OUT_OF_MEMORY', undefined],
  ["FROM read_csv('/etc/passwd')", 'FILE_NOT_ALLOWED', 5],
  ['SET threads = 2', 'INVALID_INPUT', undefined],
];

describe('toEngineError', () => {
  it.each(CODES)(
    'gives %s the code %s, from the error’s fields alone',
    async (sql, code, position) => {
      const error = await errorOf(sql);
      expect({ code: error.code, position: error.position }).toEqual({ code, position });
      expect(error.message).not.toContain('exception_type');
    },
  );

  it('blames a data file that the message names, and says which', async () => {
    const file = join(directory, 'broken.parquet');
    const other = join(directory, 'other.parquet');
    const broken = await errorOf(`FROM read_parquet('${file}')`, [other, file]);
    expect(broken).toMatchObject({ code: 'SOURCE_CORRUPT', details: { file } });
    const missing = await errorOf(`FROM read_parquet('${other}')`, [other, file]);
    expect(missing).toMatchObject({ code: 'SOURCE_READ_FAILED', details: { file: other } });
    expect(await errorOf(`FROM read_parquet('${file}')`)).toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('knows an interrupt', async () => {
    const running = errorOf('SELECT count(*) FROM range(100_000_000) a, range(1000) b');
    opened.connection.interrupt();
    const retry = setInterval(() => opened.connection.interrupt(), 5);
    expect(await running).toMatchObject({ code: 'QUERY_CANCELLED' });
    clearInterval(retry);
  });

  it.each<readonly [string, string, ErrorCode]>([
    ['IO', '"errno":"2"', 'SOURCE_NOT_FOUND'],
    ['IO', '"errno":"28"', 'OUT_OF_DISK'],
    ['HTTP', '"status_code":"404"', 'SOURCE_NOT_FOUND'],
    ['HTTP', '"status_code":"503"', 'SOURCE_READ_FAILED'],
    ['INTERNAL', '"x":"y"', 'INTERNAL_ERROR'],
    ['Something new', '"x":"y"', 'INTERNAL_ERROR'],
  ])('reads the fields of %s with %s as %s', (type, field, code) => {
    const json = `{"exception_type":"${type}","exception_message":"text",${field}}`;
    expect(toEngineError(new Error(json))).toMatchObject({ code, message: 'text' });
  });

  it('takes what is no DuckDB error as a bug, and an EngineError as it is', () => {
    expect(parseDuckDBError(new Error('{not json}'))).toBeUndefined();
    expect(parseDuckDBError('text')).toBeUndefined();
    expect(toEngineError(new Error('{not json}'))).toMatchObject({
      code: 'INTERNAL_ERROR',
      message: '{not json}',
    });
    const own = new EngineError('TASK_ABANDONED', 'stopped');
    expect(toEngineError(own)).toBe(own);
  });
});
