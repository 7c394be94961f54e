import { type DuckDBConnection } from '@duckdb/node-api';
import { type OpenInstance, openInstance } from '../../common/duckdb/open-instance.ts';
import { toEngineError } from '../../common/duckdb/duckdb-error.ts';
import { fromLogicalType } from '../../common/duckdb/duckdb-type.ts';
import type { DataAccess } from '../../common/config/object-store.ts';
import { EngineError } from '../../common/error.ts';
import { type Column, quoteIdentifier, quoteString } from '../../common/plan/column-type.ts';
import { type PinnedSources } from '../catalog/pinned-sources.ts';
import { MAIN_SCHEMA, sameFiles, type TableName } from '../catalog/table.ts';
import { type Json, readJson } from '../import/json-reader.ts';
import { writeJson } from '../import/json-writer.ts';
import { printable, statementShape } from '../import/printable-statement.ts';
import { inStatement } from './serialized-error.ts';
import { mirrorSystemTables } from './system-catalog.ts';
import { sourceError } from './source-error.ts';
import { SessionLanes } from './session-lanes.ts';
import { SessionSetups } from './session-setups.ts';
import { StatementLane } from './statement-lane.ts';
import { registerPinnedScan } from './pinned-scan.ts';
import { type ParameterValue } from './statement-parameters.ts';
import { type RelatedTable } from './table-relations.ts';

export interface PlanningProfile {
  /** Names of the catalogs beside the default one. */
  readonly catalogNames: readonly string[];
  readonly allowedDirectories: readonly string[];
  readonly dataAccess?: DataAccess;
  readonly memoryLimitBytes: number;
  /** What `pinned_scan` has the columns of. */
  readonly pinned: PinnedSources;
  /** DuckDB's settings of the session. */
  readonly settings: Readonly<Record<string, string>>;
  readonly disabledOptimizers: readonly string[];
}

/** Each value as text. */
export type TextRows = readonly (readonly (string | null)[])[];

const DEFAULT_DATABASE = 'memory';

/**
 * A locked-down DuckDB whose catalog mirrors ours: a view over its files for each table that a statement has
 * named so far. It binds and optimizes; it never runs what users write.
 */
export class PlanningInstance {
  readonly #shared: Shared;
  readonly #lanes: SessionLanes;

  private constructor(shared: Shared, lanes: SessionLanes) {
    this.#shared = shared;
    this.#lanes = lanes;
  }

  /** @throws EngineError for a profile that DuckDB refuses */
  static async open(profile: PlanningProfile): Promise<PlanningInstance> {
    const instance = await openInstance(
      {
        memoryLimitBytes: profile.memoryLimitBytes,
        threads: 1,
        allowedDirectories: profile.allowedDirectories,
        ...(profile.dataAccess === undefined ? {} : { dataAccess: profile.dataAccess }),
        settings: {
          ...profile.settings,
          disabled_optimizers: profile.disabledOptimizers.join(','),
          explain_output: 'optimized_only',
          parquet_metadata_cache: 'true',
        },
      },
      async (connection) => {
        await mirrorSystemTables(connection);
        for (const name of profile.catalogNames) {
          await connection.run(`ATTACH ':memory:' AS ${quoteIdentifier(name)}`);
        }
        registerPinnedScan(connection, profile.pinned);
      },
    );
    const shared: Shared = {
      instance,
      setups: new SessionSetups(instance),
      views: new StatementLane(await instance.connect()),
      mirrored: new Map(),
      tableColumns: new WeakMap(),
      generation: 0,
    };
    return new PlanningInstance(shared, await SessionLanes.open(instance, []));
  }

  /**
   * Lends the instance as a session sees it to `work`: with what the statements of `setup` make of a connection. What
   * they name must be known to the instance.
   * @throws EngineError what DuckDB says of the setup
   */
  async useSetup<T>(
    setup: readonly string[],
    work: (instance: PlanningInstance) => Promise<T>,
  ): Promise<T> {
    if (setup.length === 0) return await work(this);
    const shared = this.#shared;
    return await shared.setups.use(shared.generation, setup, async (lanes) => {
      return await work(new PlanningInstance(shared, lanes));
    });
  }

  /** The statements of a text as DuckDB's parser reads them, or its error; only SELECT has such a form. */
  async parse(sql: string): Promise<Json> {
    return readJson(await this.#lane().scalar('SELECT json_serialize_sql($1::VARCHAR)', sql));
  }

  /**
   * A parsed statement as DuckDB prints it.
   * @throws EngineError STATEMENT_NOT_SUPPORTED when what is printed is another statement
   */
  async print(document: Json): Promise<string> {
    const statement = 'SELECT json_deserialize_sql($1::VARCHAR::JSON)';
    const faithful = printable(document);
    const sql = await this.#lane().scalar(statement, writeJson(faithful));
    if (statementShape(await this.parse(sql)) === statementShape(faithful)) return sql;
    throw new EngineError('STATEMENT_NOT_SUPPORTED', 'DuckDB prints the statement as another one');
  }

  /** How many statements a text has, of whatever kind. */
  async countStatements(sql: string): Promise<number> {
    return await this.#lane().run(async (connection) => {
      const statements = await connection.extractStatements(sql);
      return statements.count;
    });
  }

  /**
   * The bound and optimized plan, or the error that there is instead. Undefined for one with constants whose bytes
   * are no text (BIT, BIGNUM): DuckDB answers nothing.
   */
  async serializePlan(sql: string): Promise<Json | undefined> {
    const statement = 'SELECT json_serialize_plan($1::VARCHAR, optimize := true)';
    const text = await this.#lane().scalar(statement, sql);
    return text === '' ? undefined : readJson(text);
  }

  /** The optimized plan as EXPLAIN shows it, with estimates. */
  async explainPlan(sql: string): Promise<Json> {
    const rows = await this.#lane().run(
      async (connection) => await readRows(connection, `EXPLAIN (FORMAT JSON) ${sql}`),
    );
    return readJson(rows[0]?.[1] ?? '');
  }

  /** The answer of DESCRIBE: name and type of each column, and four more. */
  async describe(sql: string, values: readonly ParameterValue[] = []): Promise<TextRows> {
    return await this.#answer({ prefix: 'DESCRIBE ', sql, values });
  }

  /** Binds a statement as it is prepared, whatever its parameters are. @throws EngineError what is wrong with it */
  async check(sql: string): Promise<void> {
    await this.#lanes.binding.run(async (connection) => {
      try {
        (await connection.prepare(sql)).destroySync();
      } catch (error) {
        throw toEngineError(error);
      }
    });
  }

  /** The answer of a statement that only looks at the catalog. */
  async answer(sql: string, values: readonly ParameterValue[] = []): Promise<TextRows> {
    return await this.#answer({ prefix: '', sql, values });
  }

  /** Columns of a mirrored table; asked of DuckDB once. */
  async tableColumns(table: RelatedTable): Promise<readonly Column[]> {
    const known = this.#shared.tableColumns.get(table);
    if (known !== undefined) return known;
    const columns = await this.columnsOf(`FROM ${viewName(table.name)}`);
    this.#shared.tableColumns.set(table, columns);
    return columns;
  }

  /** Columns of a query's result. */
  async columnsOf(sql: string): Promise<readonly Column[]> {
    return await this.#lanes.binding.run(async (connection) => {
      const prepared = await connection.prepare(sql);
      try {
        return Array.from({ length: prepared.columnCount }, (_, i) => ({
          name: prepared.columnName(i),
          type: fromLogicalType(prepared.columnType(i).toLogicalType().logical_type),
        }));
      } finally {
        prepared.destroySync();
      }
    });
  }

  /**
   * Makes the table known with its files as they are now; the answer is the same object while they are.
   * @throws EngineError SOURCE_CORRUPT, SOURCE_READ_FAILED or FILE_NOT_ALLOWED, naming the file
   */
  async mirror(table: RelatedTable): Promise<RelatedTable> {
    const { views, mirrored } = this.#shared;
    return await views.run(async (connection) => {
      const view = viewName(table.name);
      const known = mirrored.get(view);
      if (known?.relation === table.relation && sameFiles(known.files, table.files)) return known;
      try {
        await createSchema(connection, table.name);
        await connection.run(`CREATE OR REPLACE VIEW ${view} AS FROM ${table.relation}`);
      } catch (error) {
        throw sourceError(
          error,
          table.files.map(({ path }) => path),
        );
      }
      mirrored.set(view, table);
      // Views of sessions over the table as it was would not bind any more.
      if (known !== undefined) this.#shared.generation += 1;
      return table;
    });
  }

  /** Makes a schema known, whether tables of it are or not. */
  async mirrorSchema(name: Omit<TableName, 'table'>): Promise<void> {
    await this.#shared.views.run(async (connection) => await createSchema(connection, name));
  }

  /** The tables that are known, whether they still are what their files say or not. */
  get mirroredTables(): readonly TableName[] {
    return [...this.#shared.mirrored.values()].map(({ name }) => name);
  }

  /** Forgets a table that is gone, so that the binder misses it too. */
  async forget(name: TableName): Promise<void> {
    const { views, mirrored } = this.#shared;
    await views.run(async (connection) => {
      const view = viewName(name);
      if (mirrored.delete(view)) await connection.run(`DROP VIEW IF EXISTS ${view}`);
    });
  }

  /**
   * Whether there is a file of this name or pattern.
   * @throws EngineError FILE_NOT_ALLOWED
   */
  async hasFile(pattern: string): Promise<boolean> {
    return (await this.filesOf(pattern)).length > 0;
  }

  /**
   * The files of this name or pattern, in the order in which readers take them.
   * @throws EngineError FILE_NOT_ALLOWED
   */
  async filesOf(pattern: string): Promise<readonly string[]> {
    const sql = `SELECT file FROM glob(${quoteString(pattern)})`;
    return await this.#shared.views.run(async (connection) => {
      try {
        return (await readRows(connection, sql)).map(([file]) => file ?? '');
      } catch (error) {
        throw toEngineError(error);
      }
    });
  }

  /** A connection of its own, for looking at files. */
  get fileLane(): StatementLane {
    return this.#shared.views;
  }

  async close(): Promise<void> {
    const { instance, setups, views } = this.#shared;
    await Promise.all([this.#lanes.close(), setups.close(), views.close()]);
    instance.close();
  }

  /** With values, the statement is prepared and executed: so it is bound as DuckDB binds parameters. */
  async #answer({ prefix, sql, values }: Question): Promise<TextRows> {
    const preparation = values.length === 0 ? '' : 'PREPARE asked AS ';
    const before = preparation + prefix;
    return await this.#lanes.binding.run(async (connection) => {
      try {
        if (values.length === 0) return await readRows(connection, before + sql);
        await connection.run(before + sql);
        return await readRows(connection, `EXECUTE asked(${values.map(argument).join(', ')})`);
      } catch (error) {
        throw inStatement(error, before.length);
      }
    });
  }

  #lane(): StatementLane {
    return this.#lanes.planning;
  }
}

/** What all sessions on one instance have in common. */
interface Shared {
  readonly instance: OpenInstance;
  readonly setups: SessionSetups;
  readonly views: StatementLane;
  readonly mirrored: Map<string, RelatedTable>;
  readonly tableColumns: WeakMap<RelatedTable, readonly Column[]>;
  /** Rises when a table has become another one. */
  generation: number;
}

interface Question {
  /** What is asked of the statement, in plain characters. */
  readonly prefix: string;
  readonly sql: string;
  readonly values: readonly ParameterValue[];
}

export async function readRows(connection: DuckDBConnection, sql: string): Promise<TextRows> {
  const reader = await connection.runAndReadAll(sql);
  return reader.getRows().map((row) => row.map((value) => (value === null ? null : String(value))));
}

function argument({ name, sql }: ParameterValue): string {
  return `${quoteIdentifier(name)} := ${sql}`;
}

/** The table as a statement of this instance reaches it. */
export function viewName(name: TableName): string {
  return `${schemaName(name)}.${quoteIdentifier(name.table)}`;
}

export async function createSchema(
  connection: DuckDBConnection,
  name: Omit<TableName, 'table'>,
): Promise<void> {
  if (name.schema === MAIN_SCHEMA) return;
  await connection.run(`CREATE SCHEMA IF NOT EXISTS ${schemaName(name)}`);
}

function schemaName({ catalog, schema }: Omit<TableName, 'table'>): string {
  const database = catalog === '' ? DEFAULT_DATABASE : catalog;
  return `${quoteIdentifier(database)}.${quoteIdentifier(schema)}`;
}
