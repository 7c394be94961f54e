/** Small Parquet tables with every kind of column, and queries over them with every kind of construct. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

const TABLES: Readonly<Record<string, string>> = {
  r: `SELECT i::INT AS a, CASE WHEN i % 5 = 0 THEN NULL ELSE i % 7 END::BIGINT AS b,
        CASE WHEN i % 3 = 0 THEN NULL ELSE 'v' || (i % 11) END AS s, (i * 1.37)::DECIMAL(38,5) AS d,
        (i / 7.0)::DOUBLE AS f, DATE '2020-01-01' + (i % 60)::INT AS dt,
        TIMESTAMP '2020-01-01' + INTERVAL (i) HOUR AS ts, [i, i + 1, NULL]::BIGINT[] AS l,
        {'x': i, 'y': 's' || i} AS st, map([i % 3], ['m']) AS m, (i % 2 = 0) AS bo,
        (i % 120)::TINYINT AS ti, i::FLOAT AS fl, (i * 3)::DECIMAL(9,2) AS small, i::UBIGINT AS ub,
        uuid '550e8400-e29b-41d4-a716-446655440000' AS id, ('\\xAA' || i)::BLOB AS bl,
        INTERVAL (i) MINUTE AS iv, TIMESTAMPTZ '2020-01-01 00:00:00+00' AS tz, TIME '12:00:00' AS tm
      FROM range(200) t(i)`,
  u: `SELECT i::BIGINT AS k, CASE WHEN i % 4 = 0 THEN NULL ELSE i END::BIGINT AS n,
        'v' || (i % 5) AS s, (i % 3)::INT AS g FROM range(1, 20) t(i)`,
  none: `SELECT 1::BIGINT AS k WHERE FALSE`,
};

/** A directory with the tables, and a plain DuckDB that has them as views. */
export class WideTables implements AsyncDisposable {
  readonly directory: string;
  readonly connection: DuckDBConnection;
  readonly #instance: DuckDBInstance;

  private constructor(directory: string, connection: DuckDBConnection, instance: DuckDBInstance) {
    this.directory = directory;
    this.connection = connection;
    this.#instance = instance;
  }

  /** `settings` are made before anything else. */
  static async open(settings: readonly string[] = []): Promise<WideTables> {
    const directory = await mkdtemp(join(tmpdir(), 'skein-wide-'));
    const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
    const connection = await instance.connect();
    for (const setting of settings) await connection.run(setting);
    for (const [name, query] of Object.entries(TABLES)) {
      const file = join(directory, `${name}.parquet`);
      await connection.run(`COPY (${query}) TO '${file}' (ROW_GROUP_SIZE 50)`);
      await connection.run(`CREATE VIEW ${name} AS FROM read_parquet('${file}')`);
    }
    return new WideTables(directory, connection, instance);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.connection.disconnectSync();
    this.#instance.closeSync();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Optimizers without which a plan serializes, as the planner has them. */
export const PLANNING_SETTINGS: readonly string[] = [
  "SET TimeZone = 'UTC'",
  'SET errors_as_json = true',
  `SET disabled_optimizers =
     'column_lifetime,compressed_materialization,join_filter_pushdown,late_materialization'`,
];
