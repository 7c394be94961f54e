import { describe, expect, it } from 'vitest';
import { checkObjectPaths } from '../../../../services/planner/duckdb/sql-door.ts';

const NO_NAMES = {
  tables: [],
  parameters: [],
  functions: [],
  tableFunctions: [],
  paths: [],
  computedPaths: [],
};

describe('the files of an object store that a statement names', () => {
  it.each([
    ['', '', 's3://b/a/../c/x.parquet'],
    ['', 's3://b/a/../c/x', 'parquet'],
    ['s3://b/a', '/../c/x', 'parquet'],
    ['', 's3://b/x?a=1', 'parquet'],
  ])('are seen whole: %s %s %s', (catalog, schema, table) => {
    const names = { ...NO_NAMES, tables: [{ catalog, schema, table }] };
    expect(() => checkObjectPaths(names)).toThrow('no plain name of an object');
  });

  it('are let in when they are plain', () => {
    const tables = [
      { catalog: '', schema: 's3://b/a/x', table: 'parquet' },
      { catalog: 'lake', schema: 'main', table: 't' },
    ];
    expect(() => checkObjectPaths({ ...NO_NAMES, tables })).not.toThrow();
  });
});
