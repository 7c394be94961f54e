/** The oracle: one plain DuckDB over the same files. */
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Oracle } from '../../bench/tpcds/answer-match.ts';
import { orderKeys } from '../../bench/tpcds/order-keys.ts';
import type { Answer } from '../../bench/tpch/answer.ts';
import { quoteIdentifier, quoteString } from '../../services/common/plan/column-type.ts';
import { SAMPLE_DIRECTORY } from './skein-process.ts';

export class PlainDuckDB implements Disposable, Oracle {
  readonly #instance: DuckDBInstance;
  readonly connection: DuckDBConnection;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.connection = connection;
  }

  /** Each Parquet file of the directory is a view. */
  static async open(directory = SAMPLE_DIRECTORY): Promise<PlainDuckDB> {
    const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
    const duckdb = new PlainDuckDB(instance, await instance.connect());
    for (const file of readdirSync(directory).filter((name) => name.endsWith('.parquet'))) {
      const view = quoteIdentifier(basename(file, '.parquet'));
      const path = quoteString(join(directory, file));
      await duckdb.connection.run(`CREATE VIEW ${view} AS FROM read_parquet(${path})`);
    }
    return duckdb;
  }

  async run(sql: string): Promise<void> {
    await this.connection.run(sql);
  }

  /** The statement's answer; cells are texts, as the cast to VARCHAR writes them. */
  async answer(sql: string): Promise<Answer> {
    const result = await this.connection.run(sql);
    const columns = result.columnNames().map((name, i) => {
      return { name, type: String(result.columnType(i)) };
    });
    const names = columns.map((_, i) => `c${i}`);
    const casts = names.map((name) => `${name}::VARCHAR`).join(', ');
    const texts = await this.connection.runAndReadAll(
      `SELECT ${casts} FROM (${sql.replace(/;\s*$/, '')}) t(${names.join(', ')})`,
    );
    return { columns, rows: texts.getRows() as (string | null)[][] };
  }

  orderKeys(sql: string, answer: Answer): Promise<Answer | undefined> {
    return orderKeys(this.connection, sql, answer);
  }

  [Symbol.dispose](): void {
    this.connection.disconnectSync();
    this.#instance.closeSync();
  }
}
