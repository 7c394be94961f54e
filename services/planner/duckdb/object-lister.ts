import { type DuckDBConnection } from '@duckdb/node-api';
import { toEngineError } from '../../common/duckdb/duckdb-error.ts';
import { quoteString } from '../../common/plan/column-type.ts';
import { type ObjectLister } from '../catalog/ports.ts';
import { type FileIdentity } from '../catalog/table.ts';
import { type InstancePool } from './instance-pool.ts';
import { sourceError } from './source-error.ts';

/** Lists objects through DuckDB, so that it sees what its readers see, with the same rights. */
export class DuckDBObjectLister implements ObjectLister {
  readonly #instances: InstancePool;
  readonly #settings: Readonly<Record<string, string>>;

  /** `settings` are those of an instance that is open anyway; listings do not depend on them. */
  constructor(instances: InstancePool, settings: Readonly<Record<string, string>>) {
    this.#instances = instances;
    this.#settings = settings;
  }

  async listObjects(prefix: string): Promise<readonly FileIdentity[]> {
    const pattern = quoteString(`${prefix}/**`);
    // Content is not asked for, and so not read: sizes and times come with the listing.
    const sql = `SELECT filename, size, epoch_ms(last_modified) FROM read_blob(${pattern})`;
    return await this.#read(prefix, async (connection) => {
      // A pattern without any object is an error to a reader, and an empty list here.
      const found = await connection.runAndReadAll(`SELECT 1 FROM glob(${pattern}) LIMIT 1`);
      if (found.currentRowCount === 0) return [];
      const rows = (await connection.runAndReadAll(sql)).getRows();
      return rows.map(([path, size, time]) => ({
        path: String(path),
        sizeBytes: Number(size),
        modifiedAtMs: Number(time),
      }));
    });
  }

  async readText(path: string): Promise<string> {
    return await this.#read(path, async (connection) => {
      const sql = `SELECT content FROM read_text(${quoteString(path)})`;
      return String((await connection.runAndReadAll(sql)).getRows()[0]?.[0]);
    });
  }

  async #read<T>(path: string, work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const profile = { settings: this.#settings, optimizers: 'usual' } as const;
    return await this.#instances.use(profile, async (instance) => {
      return await instance.fileLane.run(async (connection) => {
        try {
          return await work(connection);
        } catch (error) {
          throw sourceError(toEngineError(error), [path]);
        }
      });
    });
  }
}
