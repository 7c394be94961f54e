import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ALLOWED_TABLE_FUNCTIONS,
  ALLOWED_READER_OPTIONS,
  DENIED_FUNCTIONS,
  DENIED_READER_OPTIONS,
  DENIED_TABLE_FUNCTIONS,
} from '../../../../services/planner/duckdb/function-policy.ts';
import {
  METADATA_FUNCTIONS,
  METADATA_VIEWS,
} from '../../../../services/planner/import/metadata-reference.ts';
import { VOLATILE_FUNCTIONS } from '../../../../services/planner/import/function-names.ts';

let instance: DuckDBInstance;
let duckdb: DuckDBConnection;

beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:');
  duckdb = await instance.connect();
});

afterAll(() => {
  duckdb.disconnectSync();
  instance.closeSync();
});

async function names(condition: string): Promise<readonly string[]> {
  const sql = `SELECT DISTINCT function_name FROM duckdb_functions() WHERE ${condition} ORDER BY 1`;
  return (await duckdb.runAndReadAll(sql)).getRows().map((row) => String(row[0]));
}

/** Functions of the pinned version that were looked at, and a hash over their names. */
const REVIEWED = { count: 818, fingerprint: '7d398273' };

describe('the lists of the SQL door', () => {
  it('decide on every table function of the pinned DuckDB', async () => {
    const known = await names("function_type IN ('table', 'table_macro')");
    const undecided = known.filter(
      (name) =>
        !ALLOWED_TABLE_FUNCTIONS.has(name) &&
        !DENIED_TABLE_FUNCTIONS.has(name) &&
        !METADATA_FUNCTIONS.has(name),
    );
    expect(undecided).toEqual([]);
  });

  it('know each view in which DuckDB tells of itself, but for that of its logs', async () => {
    const sql =
      'SELECT schema_name, list(view_name ORDER BY view_name) FROM duckdb_views() WHERE internal GROUP BY ALL';
    const rows = (await duckdb.runAndReadAll(sql)).getRowsJson();
    const known = Object.fromEntries(rows.map(([schema, views]) => [schema, views]));
    const { main = [], ...others } = METADATA_VIEWS;
    expect({ ...others, main: [...main, 'duckdb_logs'].toSorted() }).toEqual(known);
  });

  it('allow no table function that they also deny', () => {
    expect([...ALLOWED_TABLE_FUNCTIONS].filter((name) => DENIED_TABLE_FUNCTIONS.has(name))).toEqual(
      [],
    );
  });

  it('were made for exactly these functions: look at the new ones before changing the numbers', async () => {
    const known = await names("function_type IN ('scalar', 'aggregate', 'macro')");
    const sum = known
      .join(' ')
      .split('')
      .reduce((hash, c) => (hash * 31 + c.charCodeAt(0)) >>> 0, 7);
    expect({ count: known.length, fingerprint: sum.toString(16) }).toEqual(REVIEWED);
  });

  it('deny every function that has effects or tells of the process', async () => {
    const open = (await names("stability = 'VOLATILE'")).filter(
      (name) => !DENIED_FUNCTIONS.has(name),
    );
    expect(open).toEqual(['error', 'gen_random_uuid', 'random', 'uuid', 'uuidv4', 'uuidv7']);
  });
});

describe('options of readers', () => {
  it('are all decided on', async () => {
    const sql = `SELECT DISTINCT unnest(parameters) FROM duckdb_functions()
      WHERE function_type = 'table' AND regexp_matches(function_name, '^(read_(csv|json|ndjson|parquet)|parquet_scan)')`;
    const known = (await duckdb.runAndReadAll(sql)).getRows().map((row) => String(row[0]));
    const decided = [...ALLOWED_READER_OPTIONS, ...DENIED_READER_OPTIONS];
    expect(decided.toSorted()).toEqual(known.filter((name) => name !== 'col0').toSorted());
  });
});

describe('volatile functions', () => {
  it('are those of the pinned DuckDB, but for error, which may run anywhere', async () => {
    const known = (await names("stability = 'VOLATILE'")).filter((name) => name !== 'error');
    expect([...VOLATILE_FUNCTIONS].toSorted()).toEqual(known);
  });
});
