/**
 * A session of the planner beside one of plain DuckDB: each statement is planned with the session that the last one
 * left, its plan executed, and the answer compared with that of the same statement on the other side.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { quoteIdentifier, quoteString } from '../../services/common/plan/column-type.ts';
import type { QueryPlan } from '../../services/common/plan/plan-fragment.ts';
import { parseSessionProperties } from '../../services/common/session-properties.ts';
import { NEW_SESSION, type SessionState } from '../../services/common/session-state.ts';
import { PinnedSources } from '../../services/planner/catalog/pinned-sources.ts';
import { InstancePool } from '../../services/planner/duckdb/instance-pool.ts';
import { queryPlanner } from '../../services/planner/main.ts';
import type { QueryPlanner } from '../../services/planner/planning/query-planner.ts';
import { executeLocally } from './local-execution.ts';

export interface SessionStep {
  readonly plan: QueryPlan;
  /** Columns and rows of both sides, unequal in nothing when the answers are the same. */
  readonly actual: ShownAnswer;
  readonly expected: ShownAnswer;
}

export interface ShownAnswer {
  readonly columns: readonly string[];
  /** Sorted, unless their order is the statement's. */
  readonly rows: readonly string[];
}

const TASK_COUNT = 2;

export class SessionOracle {
  state: SessionState = NEW_SESSION;
  readonly #planner: QueryPlanner;
  readonly #instances: InstancePool;
  readonly #oracle: DuckDBConnection;
  readonly #executor: DuckDBInstance;

  private constructor(planner: QueryPlanner, instances: InstancePool, sides: Sides) {
    this.#planner = planner;
    this.#instances = instances;
    this.#oracle = sides.oracle;
    this.#executor = sides.executor;
  }

  /** Over the tables of a catalog directory, which is also the catalog `other`. */
  static async open(directory: string): Promise<SessionOracle> {
    const catalogs = ['', 'other'].map((name) => ({ name, directory }));
    const pinned = new PinnedSources();
    const instances = new InstancePool({
      pinned,
      catalogNames: ['other'],
      allowedDirectories: [directory],
      memoryLimitBytes: 512 * 1024 * 1024,
    });
    const planner = queryPlanner({ catalogs }, { instances, pinned });
    const oracle = await (await DuckDBInstance.create(':memory:')).connect();
    await oracle.run("SET TimeZone = 'UTC'");
    await oracle.run("ATTACH ':memory:' AS other");
    for (const file of await readdir(directory)) {
      const path = quoteString(join(directory, file));
      const view = quoteIdentifier(file.replace(/\.parquet$/, ''));
      for (const catalog of ['memory', 'other']) {
        await oracle.run(`CREATE VIEW ${catalog}.${view} AS FROM read_parquet(${path})`);
      }
    }
    const executor = await DuckDBInstance.create(':memory:');
    return new SessionOracle(planner, instances, { oracle, executor });
  }

  async plan(sql: string, properties: Readonly<Record<string, string>> = {}): Promise<QueryPlan> {
    const plan = await this.#planner.plan({
      sql,
      session: parseSessionProperties(
        { distribution: 'always' },
        this.state.properties,
        properties,
      ),
      sessionState: this.state,
      parameters: new Uint8Array(),

      answers: new Uint8Array(),
      cluster: { workerCount: TASK_COUNT, tasksPerWorker: 1 },
    });
    this.state = plan.session ?? this.state;
    return plan;
  }

  /** Runs the statement on both sides; @throws when either fails. */
  async step(sql: string, isOrdered = false): Promise<SessionStep> {
    const expected = await this.#expected(sql, isOrdered);
    const plan = await this.plan(sql);
    return { plan, actual: await this.#actual(plan, isOrdered), expected };
  }

  /** Only on the other side, for what is not the same here. */
  async oracleRuns(sql: string): Promise<void> {
    await this.#oracle.run(sql);
  }

  async close(): Promise<void> {
    await this.#instances.close();
    this.#oracle.disconnectSync();
    this.#executor.closeSync();
  }

  async #expected(sql: string, isOrdered: boolean): Promise<ShownAnswer> {
    const read = await this.#oracle.runAndReadAll(sql);
    const types = read.columnTypes().map(String);
    const columns = read.columnNames().map((name, i) => `${name} ${types[i] ?? ''}`);
    return { columns, rows: shown(read.getRowsJson(), isOrdered) };
  }

  async #actual(plan: QueryPlan, isOrdered: boolean): Promise<ShownAnswer> {
    const root = plan.fragments.at(-1);
    const connection = await this.#executor.connect();
    try {
      for (const [name, value] of Object.entries(root?.settings ?? {})) {
        await connection.run(`SET ${name} = ${quoteString(value)}`);
      }
      const tables = await executeLocally(connection, plan, {
        taskCount: TASK_COUNT,
        batchCount: 2,
      });
      const read = await connection.runAndReadAll(
        tables.map((table) => `FROM ${table}`).join(' UNION ALL '),
      );
      const types = read.columnTypes().map(String);
      const names = root?.columns.map(({ name }) => name) ?? [];
      const columns = names.map((name, i) => `${name} ${types[i] ?? ''}`);
      return { columns, rows: shown(read.getRowsJson(), isOrdered) };
    } finally {
      for (const name of Object.keys(root?.settings ?? {})) await connection.run(`RESET ${name}`);
      connection.disconnectSync();
    }
  }
}

interface Sides {
  readonly oracle: DuckDBConnection;
  readonly executor: DuckDBInstance;
}

/** Sums of doubles depend on the order of rows: their last digits are left out. */
function shown(rows: readonly (readonly unknown[])[], isOrdered: boolean): readonly string[] {
  const plain = (cell: unknown): unknown =>
    typeof cell === 'string' && /^-?\d+\.\d{9,}$/.test(cell) ? Number(cell).toPrecision(12) : cell;
  const texts = rows.map((row) => JSON.stringify(row.map(plain)));
  return isOrdered ? texts : texts.toSorted();
}
