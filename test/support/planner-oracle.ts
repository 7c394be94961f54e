/**
 * The planner against plain DuckDB, without a cluster: a statement is planned for real, its plan executed by the
 * local execution, and the answer compared with the same statement's on one DuckDB that has the same tables.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { quoteIdentifier, quoteString } from '../../services/common/plan/column-type.ts';
import type { QueryPlan } from '../../services/common/plan/plan-fragment.ts';
import { NEW_SESSION } from '../../services/common/session-state.ts';
import { parseSessionProperties } from '../../services/common/session-properties.ts';
import { PinnedSources } from '../../services/planner/catalog/pinned-sources.ts';
import { InstancePool } from '../../services/planner/duckdb/instance-pool.ts';
import { queryPlanner } from '../../services/planner/main.ts';
import type { QueryPlanner } from '../../services/planner/planning/query-planner.ts';
import { executeLocally, type PartialForm } from './local-execution.ts';
import type { ParameterValues } from './parameter-values.ts';
import { differenceOf, readAnswer, type TableAnswer } from './table-answers.ts';

export interface OracleOptions {
  /** Tasks of each stage; also the cluster's workers, with one task each. */
  readonly taskCount: number;
  readonly properties?: Readonly<Record<string, string>>;
  readonly parameters?: ParameterValues;
  readonly partialForm?: PartialForm;
}

export interface Execution {
  readonly plan: QueryPlan;
  readonly answer: TableAnswer;
}

export interface Comparison {
  readonly plan: QueryPlan;
  /** Undefined when the answers are the same. */
  readonly difference: string | undefined;
}

export class PlannerOracle {
  readonly #planner: QueryPlanner;
  readonly #instances: InstancePool;
  readonly #duckdb: DuckDBInstance;
  readonly #oracle: DuckDBConnection;
  readonly #executor: DuckDBConnection;
  /** Of the executor, as the last plan has made them. */
  #settings: Readonly<Record<string, string>> = {};

  private constructor(
    planning: { readonly planner: QueryPlanner; readonly instances: InstancePool },
    duckdb: DuckDBInstance,
    connections: { readonly oracle: DuckDBConnection; readonly executor: DuckDBConnection },
  ) {
    this.#planner = planning.planner;
    this.#instances = planning.instances;
    this.#duckdb = duckdb;
    this.#oracle = connections.oracle;
    this.#executor = connections.executor;
  }

  /** Over the tables of a catalog directory; `settings` are made on both of its DuckDB connections. */
  static async open(directory: string, settings: readonly string[] = []): Promise<PlannerOracle> {
    const config = { catalogs: [{ name: '', directory }] };
    const pinned = new PinnedSources();
    const instances = new InstancePool({
      pinned,
      catalogNames: [],
      allowedDirectories: [directory],
      memoryLimitBytes: 512 * 1024 * 1024,
    });
    const duckdb = await DuckDBInstance.create(':memory:', { threads: '1' });
    const oracle = await duckdb.connect();
    const executor = await duckdb.connect();
    for (const setting of ["SET TimeZone = 'UTC'", ...settings]) {
      await oracle.run(setting);
      await executor.run(setting);
    }
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      if (!entry.isDirectory() && !entry.name.endsWith('.parquet')) continue;
      const files = join(directory, entry.name, entry.isDirectory() ? '**/*.parquet' : '');
      const view = quoteIdentifier(entry.name.replace(/\.parquet$/, ''));
      const path = quoteString(files.replace(/\/$/, ''));
      await oracle.run(`CREATE VIEW ${view} AS FROM read_parquet(${path})`);
    }
    const planning = { planner: queryPlanner(config, { instances, pinned }), instances };
    return new PlannerOracle(planning, duckdb, { oracle, executor });
  }

  async plan(
    sql: string,
    { taskCount, properties = {}, parameters }: OracleOptions,
  ): Promise<QueryPlan> {
    return await this.#planner.plan({
      sql,
      session: parseSessionProperties({ distribution: 'always', ...properties }),
      sessionState: NEW_SESSION,
      parameters: parameters?.stream ?? new Uint8Array(),

      answers: new Uint8Array(),
      cluster: { workerCount: taskCount, tasksPerWorker: 1 },
    });
  }

  /** Plans and executes the statement, and compares; @throws when either fails */
  async compare(sql: string, options: OracleOptions): Promise<Comparison> {
    const text = sql.replace(/;\s*$/, '');
    const { plan, answer } = await this.execute(text, options);
    const expected = await this.answer(text, options.parameters);
    return { plan, difference: differenceOf(answer, expected) };
  }

  /** Plans and executes the statement; @throws when either fails */
  async execute(sql: string, options: OracleOptions): Promise<Execution> {
    const plan = await this.plan(sql, options);
    await this.#set(plan.fragments[0]?.settings ?? {});
    const tables = await executeLocally(this.#executor, plan, {
      taskCount: options.taskCount,
      batchCount: 2,
      ...(options.partialForm === undefined ? {} : { partialForm: options.partialForm }),
    });
    return { plan, answer: await readAnswer(this.#executor, tables) };
  }

  /** Makes the settings of the executor these; what is set already is not set again. */
  async #set(settings: Readonly<Record<string, string>>): Promise<void> {
    for (const name of Object.keys(this.#settings)) {
      if (!(name in settings)) await this.#executor.run(`RESET ${name}`);
    }
    for (const [name, value] of Object.entries(settings)) {
      if (this.#settings[name] === value) continue;
      await this.#executor.run(`SET ${name} = ${quoteString(value)}`);
    }
    this.#settings = settings;
  }

  /** What plain DuckDB answers; @throws its error */
  async answer(sql: string, parameters?: ParameterValues): Promise<TableAnswer> {
    const statement = `CREATE OR REPLACE TEMP TABLE expected AS ${sql}`;
    await this.#oracle.run(statement, parameters?.values, parameters?.types);
    return await readAnswer(this.#oracle, ['expected']);
  }

  /** A statement of plain DuckDB, such as a setting. */
  async run(sql: string): Promise<void> {
    await this.#oracle.run(sql);
  }

  /** Ends what either of the two connections is doing. */
  interrupt(): void {
    this.#oracle.interrupt();
    this.#executor.interrupt();
  }

  /** The message of the error that plain DuckDB answers; undefined when it answers rows. */
  async duckdbError(sql: string): Promise<string | undefined> {
    try {
      await this.#oracle.run(sql);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  async close(): Promise<void> {
    await this.#instances.close();
    this.#oracle.disconnectSync();
    this.#executor.disconnectSync();
    this.#duckdb.closeSync();
  }
}
