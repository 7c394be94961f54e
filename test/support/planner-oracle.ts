/**
 * The planner against plain DuckDB, without a cluster: a statement is planned for real, its plan executed by the
 * local execution, and the answer compared with the same statement's on one DuckDB that has the same tables.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { CREATE_NO_PIVOT_VALUES } from '../../services/common/duckdb/no-pivot-values.ts';
import { quoteIdentifier, quoteString } from '../../services/common/plan/column-type.ts';
import { type QueryPlan, rootFragment } from '../../services/common/plan/plan-fragment.ts';
import { NEW_SESSION } from '../../services/common/session-state.ts';
import { parseSessionProperties } from '../../services/common/session-properties.ts';
import { PinnedSources } from '../../services/planner/catalog/pinned-sources.ts';
import { InstancePool } from '../../services/planner/duckdb/instance-pool.ts';
import { queryPlanner } from '../../services/planner/main.ts';
import type { QueryPlanner } from '../../services/planner/planning/query-planner.ts';
import { executeLocally, type PartialForm } from './local-execution.ts';
import { PageFixture } from './page-fixture.ts';
import { type ParameterValues, resultStream } from './parameter-values.ts';
import { differenceOf, readAnswer, type TableAnswer } from './table-answers.ts';

export interface OracleOptions {
  /** Tasks of each stage; also the cluster's workers, with one task each. */
  readonly taskCount: number;
  readonly properties?: Readonly<Record<string, string>>;
  readonly parameters?: ParameterValues;
  readonly partialForm?: PartialForm;
  /** SQL of the arguments, by name: the statement is prepared in the session, and executed with them. */
  readonly executedWith?: Readonly<Record<string, string>>;
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
  /** What has been set on the connections. */
  readonly #settings = new Map<DuckDBConnection, Settings>();

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
    await executor.run(CREATE_NO_PIVOT_VALUES);
    for (const setting of ["SET TimeZone = 'UTC'", ...settings]) {
      await oracle.run(setting);
      await executor.run(setting);
    }
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      const relation = await relationOf(join(directory, entry.name), entry.isDirectory());
      if (relation === undefined) continue;
      const view = quoteIdentifier(entry.name.replace(/\.parquet$/, ''));
      await oracle.run(`CREATE VIEW ${view} AS FROM ${relation}`);
    }
    const planning = { planner: queryPlanner(config, { instances, pinned }), instances };
    return new PlannerOracle(planning, duckdb, { oracle, executor });
  }

  async plan(
    sql: string,
    { taskCount, properties = {}, parameters, executedWith }: OracleOptions,
    answers: Uint8Array = new Uint8Array(),
  ): Promise<QueryPlan> {
    const isPrepared = executedWith !== undefined;
    return await this.#planner.plan({
      sql: isPrepared ? executeStatement(executedWith) : sql,
      session: parseSessionProperties({ distribution: 'always', ...properties }),
      sessionState: isPrepared
        ? { ...NEW_SESSION, preparedStatements: { [PREPARED]: sql } }
        : NEW_SESSION,
      parameters: isPrepared ? new Uint8Array() : (parameters?.stream ?? new Uint8Array()),
      answers,
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
    const plan = await this.#answered(sql, options);
    await this.#set(this.#executor, plan.fragments[0]?.settings ?? {});
    const tables = await executeLocally(this.#executor, plan, {
      taskCount: options.taskCount,
      batchCount: 2,
      ...(options.partialForm === undefined ? {} : { partialForm: options.partialForm }),
    });
    const names = rootFragment(plan).columns.map(({ name }) => name);
    return { plan, answer: { ...(await readAnswer(this.#executor, tables)), names } };
  }

  /** The plan; a question that there is first is executed too. */
  async #answered(sql: string, options: OracleOptions): Promise<QueryPlan> {
    const plan = await this.plan(sql, options);
    if (plan.question === undefined) return plan;
    const { parameters: _, executedWith: __, ...rest } = options;
    const asked = await this.plan(plan.question, rest);
    const { taskCount } = options;
    const tables = await executeLocally(this.#executor, asked, { taskCount, batchCount: 2 });
    const names = rootFragment(asked).columns.map(({ name }) => quoteIdentifier(name));
    const answer = `SELECT * FROM ${tables[0] ?? ''} AS t(${names.join(', ')})`;
    const read = await this.#executor.runAndReadAll(answer);
    await using fixture = await PageFixture.open();
    const lists = read.getRowsJson()[0]?.map((texts) => textList(texts as readonly string[]));
    const row = names.map((name, index) => `${lists?.[index] ?? 'NULL'} AS ${name}`);
    const stream = await resultStream(fixture, `SELECT ${row.join(', ')}`);
    return await this.plan(sql, options, stream);
  }

  /** Settings of plain DuckDB: these and no others. */
  async set(settings: Settings): Promise<void> {
    await this.#set(this.#oracle, settings);
  }

  /** What is set already is not set again. */
  async #set(connection: DuckDBConnection, settings: Settings): Promise<void> {
    const before = this.#settings.get(connection) ?? {};
    for (const name of Object.keys(before)) {
      if (!(name in settings)) await connection.run(`RESET ${name}`);
    }
    for (const [name, value] of Object.entries(settings)) {
      if (before[name] !== value) await connection.run(`SET ${name} = ${quoteString(value)}`);
    }
    this.#settings.set(connection, settings);
  }

  /** What plain DuckDB answers; @throws its error */
  async answer(sql: string, parameters?: ParameterValues): Promise<TableAnswer> {
    const query = NO_SELECT.test(sql) ? `FROM (${sql})` : sql;
    const statement = `CREATE OR REPLACE TEMP TABLE expected AS ${query}`;
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

type Settings = Readonly<Record<string, string>>;

/** What a table can be made of only in parentheses. */
const NO_SELECT = /^(DESCRIBE|SUMMARIZE|PIVOT|UNPIVOT)\b/;

const PREPARED = 'prepared';

function executeStatement(values: Readonly<Record<string, string>>): string {
  const args = Object.entries(values).map(([name, sql]) => `${name} := ${sql}`);
  return `EXECUTE ${PREPARED}${args.length === 0 ? '' : `(${args.join(', ')})`}`;
}

function textList(texts: readonly string[] | null): string {
  return texts === null ? 'NULL' : `[${texts.map(quoteString).join(', ')}]::VARCHAR[]`;
}

const READERS = { parquet: 'read_parquet', csv: 'read_csv', json: 'read_json' } as const;

/** Of a file of Parquet, or of all files of a folder. */
async function relationOf(path: string, isFolder: boolean): Promise<string | undefined> {
  if (!isFolder) return path.endsWith('.parquet') ? readerCall('parquet', path) : undefined;
  const files = await readdir(path, { recursive: true });
  for (const format of ['csv', 'json'] as const) {
    if (files.some((file) => file.endsWith(`.${format}`) && !file.startsWith('_')))
      return readerCall(format, join(path, '**', `*.${format}`), 'union_by_name = true');
  }
  return readerCall('parquet', join(path, '**', '*.parquet'));
}

function readerCall(format: keyof typeof READERS, path: string, ...options: string[]): string {
  return `${READERS[format]}(${[quoteString(path), ...options].join(', ')})`;
}
