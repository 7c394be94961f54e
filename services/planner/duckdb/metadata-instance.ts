import { type OpenInstance, openInstance } from '../../common/duckdb/open-instance.ts';
import { type Column, formatColumnType, quoteIdentifier } from '../../common/plan/column-type.ts';
import { type TableName } from '../catalog/table.ts';
import { type KnownRows } from '../explain/values-plan.ts';
import { type CommonProfile } from './instance-pool.ts';
import { createSchema, readRows, viewName } from './planning-instance.ts';
import { fromLogicalType } from '../../common/duckdb/duckdb-type.ts';

export interface DescribedTable {
  readonly name: TableName;
  readonly columns: readonly Column[];
}

const MEMORY_LIMIT_BYTES = 128 * 1024 * 1024;

/**
 * A DuckDB that has the tables of all catalogs, without rows, and nothing else: what it tells of itself is what a DuckDB
 * with these tables would tell, and nothing of this process.
 */
export class MetadataInstance {
  readonly #instance: OpenInstance;

  private constructor(instance: OpenInstance) {
    this.#instance = instance;
  }

  static async open(
    common: CommonProfile,
    tables: readonly DescribedTable[],
  ): Promise<MetadataInstance> {
    const { catalogNames, allowedDirectories, dataAccess } = common;
    const profile = {
      memoryLimitBytes: MEMORY_LIMIT_BYTES,
      threads: 1,
      allowedDirectories,
      ...(dataAccess === undefined ? {} : { dataAccess }),
    };
    const instance = await openInstance(profile, async (connection) => {
      for (const name of catalogNames) {
        await connection.run(`ATTACH ':memory:' AS ${quoteIdentifier(name)}`);
      }
      for (const { name, columns } of tables) {
        const types = columns.map((each) => {
          return `${quoteIdentifier(each.name)} ${formatColumnType(each.type)}`;
        });
        await createSchema(connection, name);
        await connection.run(`CREATE TABLE ${viewName(name)} (${types.join(', ')})`);
      }
    });
    return new MetadataInstance(instance);
  }

  /** All rows of these relations, by their SQL, on a connection that `setup` has made a session's. */
  async rowsOf(
    relations: ReadonlySet<string>,
    setup: readonly string[],
  ): Promise<ReadonlyMap<string, KnownRows>> {
    const connection = await this.#instance.connect();
    try {
      for (const statement of setup) {
        // A view of something else than these tables, such as the catalog `system`, cannot be told of.
        await connection.run(statement).catch(() => undefined);
      }
      const found = new Map<string, KnownRows>();
      for (const relation of relations) {
        const prepared = await connection.prepare(`FROM ${relation}`);
        const columns = Array.from({ length: prepared.columnCount }, (_, i) => ({
          name: prepared.columnName(i),
          type: fromLogicalType(prepared.columnType(i).toLogicalType().logical_type),
        }));
        prepared.destroySync();
        const cells = columns.map(({ name }) => `CAST(${quoteIdentifier(name)} AS VARCHAR)`);
        const rows = await readRows(connection, `SELECT ${cells.join(', ')} FROM ${relation}`);
        found.set(relation, { columns, rows });
      }
      return found;
    } finally {
      connection.disconnectSync();
    }
  }

  close(): Promise<void> {
    this.#instance.close();
    return Promise.resolve();
  }
}
