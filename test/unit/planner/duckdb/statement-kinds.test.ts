import { type DuckDBConnection, DuckDBInstance, StatementType } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineError } from '../../../../services/common/error.ts';
import { PlannerFixture, planningRequest } from '../../../support/planner-fixture.ts';
import { WideTables } from '../../../support/wide-tables.ts';

type KindName = Exclude<keyof typeof StatementType, 'INVALID'>;

/** `answered`, or the name that the statement is refused by. */
type Fate = readonly [sql: string, fate: string];

/** Statements of each kind that DuckDB's parser gives, and what becomes of them here. */
const FATES: Readonly<Record<KindName, readonly Fate[] | 'no text has this kind'>> = {
  SELECT: [
    ['SELECT 1', 'answered'],
    ['VALUES (1)', 'answered'],
    ['FROM r', 'answered'],
    ['TABLE r', 'answered'],
    ['PIVOT r ON b IN (1) USING count(*)', 'answered'],
    ['UNPIVOT (SELECT a, b FROM r) ON a, b', 'answered'],
    ['FROM (SELECT a, b FROM r) PIVOT (sum(a) FOR b IN (1, 2))', 'answered'],
    ['DESCRIBE r', 'answered'],
    ['SUMMARIZE SELECT a FROM r', 'answered'],
    ['SHOW', 'answered'],
    ['SHOW TABLES', 'answered'],
    ['SHOW ALL TABLES', 'answered'],
    ['SHOW TABLES FROM memory', 'answered'],
    ['SHOW DATABASES', 'answered'],
    ['SHOW SCHEMAS', 'answered'],
    ['SHOW VARIABLES', 'answered'],
    ['SHOW r', 'answered'],
    ['PRAGMA show_tables', 'PRAGMA'],
  ],
  EXPLAIN: [
    ['EXPLAIN SELECT 1', 'answered'],
    ['EXPLAIN SUMMARIZE SELECT a FROM r', 'answered'],
    ['EXPLAIN SHOW TABLES', 'EXPLAIN SHOW'],
    ['EXPLAIN INSERT INTO own VALUES (1)', 'EXPLAIN INSERT'],
  ],
  PREPARE: [
    ['PREPARE p AS SELECT $1', 'answered'],
    ['PREPARE p AS DELETE FROM own', 'DELETE'],
  ],
  EXECUTE: [['EXECUTE known', 'answered']],
  SET: [
    ["SET TimeZone = 'UTC'", 'answered'],
    ['RESET TimeZone', 'answered'],
    ['SET VARIABLE x = 1', 'answered'],
    ['RESET VARIABLE x', 'answered'],
    ['USE memory', 'answered'],
    ['SET GLOBAL TimeZone = 1', 'SET GLOBAL'],
  ],
  CREATE: [
    ['CREATE TEMP VIEW v AS SELECT 1', 'answered'],
    ['CREATE TEMP MACRO m() AS 1', 'answered'],
    ['CREATE TEMP MACRO m() AS TABLE SELECT 1', 'answered'],
    ['CREATE VIEW v AS SELECT 1', 'CREATE VIEW'],
    ['CREATE TABLE x (i INT)', 'CREATE TABLE'],
    ['CREATE SCHEMA s', 'CREATE SCHEMA'],
    ['CREATE SEQUENCE s', 'CREATE SEQUENCE'],
    ["CREATE TYPE e AS ENUM ('a')", 'CREATE TYPE'],
    ['CREATE INDEX i ON own (k)', 'CREATE INDEX'],
  ],
  DROP: [
    ['DROP VIEW IF EXISTS nosuch', 'answered'],
    ['DROP MACRO IF EXISTS nosuch', 'answered'],
    // DuckDB calls it so too.
    ['DEALLOCATE known', 'answered'],
    ['DROP TABLE own', 'DROP TABLE'],
    ['DROP SCHEMA IF EXISTS nosuch', 'DROP SCHEMA'],
  ],
  INSERT: [
    ['INSERT INTO own VALUES (1)', 'INSERT'],
    ['WITH c AS (SELECT 1) INSERT INTO own FROM c', 'INSERT'],
  ],
  UPDATE: [['UPDATE own SET k = 2', 'UPDATE']],
  DELETE: [
    ['DELETE FROM own', 'DELETE'],
    ['TRUNCATE own', 'TRUNCATE'],
  ],
  MERGE_INTO: [['MERGE INTO own USING own AS s ON own.k = s.k WHEN MATCHED THEN DELETE', 'MERGE']],
  ALTER: [
    ['ALTER TABLE own ADD COLUMN x INT', 'ALTER TABLE'],
    ["COMMENT ON TABLE own IS 'x'", 'COMMENT'],
  ],
  TRANSACTION: [
    ['BEGIN', 'BEGIN'],
    ['START TRANSACTION', 'START'],
    ['COMMIT', 'COMMIT'],
    ['ROLLBACK', 'ROLLBACK'],
  ],
  COPY: [["COPY own TO '/tmp/x.csv'", 'COPY']],
  COPY_DATABASE: 'no text has this kind',
  EXPORT: [["EXPORT DATABASE '/tmp/x'", 'EXPORT']],
  PRAGMA: 'no text has this kind',
  VACUUM: [
    ['VACUUM', 'VACUUM'],
    ['ANALYZE', 'ANALYZE'],
  ],
  CALL: [
    ['CALL pragma_version()', 'CALL'],
    ['CHECKPOINT', 'CHECKPOINT'],
  ],
  LOAD: [
    ['LOAD x', 'LOAD'],
    ['INSTALL x', 'INSTALL'],
  ],
  ATTACH: [["ATTACH ':memory:' AS x", 'ATTACH']],
  DETACH: [['DETACH x', 'DETACH']],
  UPDATE_EXTENSIONS: [['UPDATE EXTENSIONS', 'UPDATE']],
  ANALYZE: 'no text has this kind',
  VARIABLE_SET: 'no text has this kind',
  CREATE_FUNC: 'no text has this kind',
  RELATION: 'no text has this kind',
  EXTENSION: 'no text has this kind',
  LOGICAL_PLAN: 'no text has this kind',
  MULTI: 'no text has this kind',
};

let instance: DuckDBInstance;
let duckdb: DuckDBConnection;
let tables: WideTables;
let planner: PlannerFixture;

beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:');
  duckdb = await instance.connect();
  await duckdb.run('CREATE TABLE own (k INT)');
  await duckdb.run('PREPARE known AS SELECT 1');
  tables = await WideTables.open([]);
  planner = new PlannerFixture([{ name: '', directory: tables.directory }]);
  await duckdb.run(`CREATE VIEW r AS FROM read_parquet('${tables.directory}/r.parquet')`);
});

afterAll(async () => {
  await planner[Symbol.asyncDispose]();
  await tables[Symbol.asyncDispose]();
  duckdb.disconnectSync();
  instance.closeSync();
});

async function fateOf(sql: string): Promise<string> {
  const request = planningRequest(sql);
  const sessionState = { ...request.sessionState, preparedStatements: { known: 'SELECT 1' } };
  try {
    await planner.frontEnd.admit({ ...request, sessionState });
    return 'answered';
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return error.code === 'STATEMENT_NOT_SUPPORTED'
      ? (error.details['statement'] ?? '')
      : `${error.code}: ${error.message}`;
  }
}

describe('kinds of statements', () => {
  it('are those of the pinned DuckDB', () => {
    const known = Object.keys(StatementType).filter((name) => Number.isNaN(Number(name)));
    expect(Object.keys(FATES).toSorted()).toEqual(
      known.filter((name) => name !== 'INVALID').toSorted(),
    );
  });

  const fates = Object.entries(FATES).flatMap(([kind, statements]) =>
    statements === 'no text has this kind'
      ? []
      : statements.map((fate) => [kind, ...fate] as const),
  );

  it.each(fates)('%s: %s is %s', async (kind, sql, fate) => {
    const extracted = await duckdb.extractStatements(sql);
    const prepared = await extracted.prepare(extracted.count - 1);
    expect(StatementType[prepared.statementType]).toBe(kind);
    prepared.destroySync();
    expect(await fateOf(sql)).toBe(fate);
  });
});
