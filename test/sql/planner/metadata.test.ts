import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeNullTables } from '../../support/null-tables.ts';
import { SessionOracle } from '../../support/session-oracle.ts';

let directory: string;
let oracle: SessionOracle;

beforeAll(async () => {
  directory = await writeNullTables();
  oracle = await SessionOracle.open(directory);
  for (const table of ['empty', 'keys', 'n1', 'n2', 'n3']) {
    for (const catalog of ['memory', 'other']) {
      const name = `${catalog}.${table}`;
      await oracle.oracleRuns(`CREATE TABLE ${catalog}.copied AS FROM ${name}`);
      await oracle.oracleRuns(`DROP VIEW ${name}`);
      await oracle.oracleRuns(`ALTER TABLE ${catalog}.copied RENAME TO ${table}`);
    }
  }
  for (const sql of [
    'CREATE TEMP VIEW v AS SELECT k, v AS w FROM n1',
    'CREATE TEMP MACRO plus(a, b := 2) AS a + b',
  ]) {
    await oracle.step(sql);
  }
});

afterAll(async () => {
  await oracle.close();
  await rm(directory, { recursive: true });
});

describe('what a DuckDB with the same tables tells of itself', () => {
  it.each(
    [
      'FROM information_schema.tables',
      'FROM information_schema.columns WHERE table_catalog = current_database()',
      'FROM information_schema.schemata',
      'SELECT tables.table_name FROM information_schema.tables ORDER BY ALL LIMIT 3',
      `SELECT t.table_schema, t.table_name, count(*), max(c.ordinal_position)
       FROM information_schema.tables t JOIN information_schema.columns c USING (table_catalog, table_schema, table_name)
       WHERE t.table_type = 'BASE TABLE' GROUP BY ALL HAVING count(*) > 1`,
      "SELECT DISTINCT data_type FROM information_schema.columns WHERE table_name ILIKE 'N%'",
      `SELECT * EXCLUDE (estimated_size, database_oid, schema_oid, table_oid) FROM duckdb_tables()`,
      'SELECT * EXCLUDE (database_oid, schema_oid, table_oid) FROM duckdb_columns() WHERE NOT internal',
      'SELECT database_name, schema_name, view_name, column_count, sql FROM duckdb_views() WHERE NOT internal',
      'SELECT database_name, view_name FROM duckdb_views',
      'SELECT database_name, schema_name, internal FROM duckdb_schemas()',
      'SELECT database_name, path, internal, type, readonly FROM duckdb_databases()',
      "SELECT function_name, parameters, macro_definition FROM duckdb_functions() WHERE function_name IN ('plus', 'abs', 'date_trunc')",
      "SELECT * EXCLUDE (function_oid, database_oid) FROM duckdb_functions() WHERE function_type = 'table'",
      'SELECT DISTINCT lower(type_name), type_size, logical_type, labels FROM duckdb_types() WHERE type_category IS NOT NULL',
      "SELECT DISTINCT logical_type FROM duckdb_types WHERE type_name ILIKE 'int%'",
      'FROM duckdb_constraints()',
      'FROM duckdb_keywords()',
      'SELECT c.relname, a.attname, a.attnum FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid',
      'SELECT n.nspname, c.relname, c.relkind FROM pg_catalog.pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace',
      'SELECT schemaname, tablename FROM pg_tables',
      "SELECT typname FROM pg_type WHERE typname LIKE 'int%'",
      'SELECT type, name, tbl_name FROM sqlite_master',
      'SELECT name, file FROM pragma_database_list',
      "SELECT k, (SELECT count(*) FROM information_schema.tables t WHERE t.table_name = 'n' || k) FROM n1",
      'SELECT x.a, y.t FROM information_schema.schemata x(a), duckdb_tables() AS y(d, e, f, g, t)',
      'WITH tables AS (SELECT 1 AS one) FROM tables',
      'SUMMARIZE SELECT table_name FROM information_schema.tables',
      'DESCRIBE information_schema.tables',
      "SELECT current_setting('TimeZone'), current_setting('default_null_order')",
      'SELECT current_database(), current_schema(), current_schemas(true), current_catalog, current_user, version()',
      "SELECT name, value FROM duckdb_settings() WHERE name IN ('TimeZone', 'default_null_order', 'integer_division')",
      "SELECT setting FROM pg_settings WHERE name = 'TimeZone'",
    ].filter((sql) => !sql.startsWith('EXPLAIN')),
  )('%s', async (sql) => {
    const { plan, actual, expected } = await oracle.step(sql);
    expect(actual).toEqual(expected);
    expect(plan.scans.length === 0 ? plan.rung : 'small').toBe('small');
  });

  it('follows the session', async () => {
    for (const sql of [
      "SET TimeZone = 'Europe/Zurich'",
      "SELECT current_setting('timezone')",
      "SELECT value FROM duckdb_settings() WHERE name = 'TimeZone'",
      'USE other',
      'SELECT current_database(), table_name FROM information_schema.tables WHERE table_catalog = current_database()',
      'USE memory',
      'RESET TimeZone',
      'DROP VIEW v',
      'SELECT view_name FROM duckdb_views() WHERE NOT internal',
    ]) {
      const { actual, expected } = await oracle.step(sql);
      expect({ sql, ...actual }).toEqual({ sql, ...expected });
    }
  });

  it('tells nothing of the process', async () => {
    const settings = await oracle.plan('FROM duckdb_settings()');
    const text = settings.fragments[0]?.sql;
    expect(text).toContain('TimeZone');
    const relations = ['duckdb_tables()', 'duckdb_views()', 'duckdb_columns()', 'pg_class'];
    for (const relation of [...relations, 'duckdb_functions()', 'duckdb_databases()']) {
      const { fragments } = await oracle.plan(`FROM ${relation}`);
      expect(JSON.stringify(fragments)).not.toMatch(/_skein|skein_|pinned_scan/);
      expect(JSON.stringify(fragments)).not.toContain(directory);
    }
    expect(text).not.toMatch(/memory_limit|temp_directory|threads|allowed_directories/);
  });

  it.each([
    "SELECT current_setting('memory_limit')",
    "SELECT current_setting('Time' || 'Zone')",
    "SELECT current_setting(s) FROM (VALUES ('TimeZone')) t(s)",
    'FROM duckdb_secrets()',
    'FROM duckdb_extensions()',
    'FROM duckdb_memory()',
    'FROM duckdb_temporary_files()',
    'FROM duckdb_logs',
    'SELECT format_type(23, 0)',
  ])('%s is refused', async (sql) => {
    await expect(oracle.plan(sql)).rejects.toMatchObject({ code: 'FUNCTION_NOT_ALLOWED' });
  });
});
