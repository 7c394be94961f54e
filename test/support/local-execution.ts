/**
 * Executes a QueryPlan without a cluster: each task is a statement of one plain DuckDB, each exchange a set of
 * temporary tables, dealt exactly as the contract of PlanFragment says. What it answers is what the plan means.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { formatColumnType } from '../../services/common/plan/column-type.ts';
import type {
  FragmentOutput,
  PlanFragment,
  QueryPlan,
  RemoteSource,
} from '../../services/common/plan/plan-fragment.ts';
import type { FileSplit } from '../../services/common/plan/split.ts';
import { scanRelation } from '../../services/worker/duckdb/scan-relation.ts';

export interface LocalExecution {
  /** Tasks of a stage that is not single. */
  readonly taskCount: number;
  /** Statements of a task of an incremental fragment; its splits are dealt to them. */
  readonly batchCount: number;
  /** In which form partial aggregates run; `mixed`, the default: every other statement row-wise. */
  readonly partialForm?: PartialForm;
}

export type PartialForm = 'plain' | 'rowwise' | 'mixed';

/** Leaves the result in the temporary tables whose names it answers: one for each task of the root. */
export async function executeLocally(
  connection: DuckDBConnection,
  plan: QueryPlan,
  execution: LocalExecution,
): Promise<readonly string[]> {
  const run = new LocalRun(connection, plan, execution);
  for (const fragment of plan.fragments) await run.runFragment(fragment);
  return run.resultTables();
}

class LocalRun {
  readonly #connection: DuckDBConnection;
  readonly #plan: QueryPlan;
  readonly #execution: LocalExecution;
  /** Tables with the output of each fragment, one for each task. */
  readonly #outputs = new Map<number, readonly string[]>();

  constructor(connection: DuckDBConnection, plan: QueryPlan, execution: LocalExecution) {
    this.#connection = connection;
    this.#plan = plan;
    this.#execution = execution;
  }

  resultTables(): readonly string[] {
    const root = this.#plan.fragments.at(-1);
    return root === undefined ? [] : (this.#outputs.get(root.id) ?? []);
  }

  async runFragment(fragment: PlanFragment): Promise<void> {
    const tasks = this.#tasksOf(fragment);
    const tables: string[] = [];
    for (const [task, splits] of tasks.entries()) {
      const table = `output_${fragment.id}_${task}`;
      await this.#runTask({ fragment, task, splits, table });
      tables.push(table);
    }
    this.#outputs.set(fragment.id, tables);
  }

  /** The splits of each task; a stage without splits has one task, with none. */
  #tasksOf(fragment: PlanFragment): readonly (readonly FileSplit[])[] {
    const { taskCount } = this.#execution;
    switch (fragment.partitioning.kind) {
      case 'single':
        return [[]];
      case 'hash':
      case 'arbitrary':
      case 'scaled-writer':
        return Array.from({ length: taskCount }, () => []);
      case 'fixed-source':
        return Array.from({ length: fragment.partitioning.partitionCount }, () => []);
      case 'source': {
        const splits = this.#splitsOf(fragment.partitioning.sourceId);
        const dealt = deal(splits, taskCount).filter((task) => task.length > 0);
        return dealt.length === 0 ? [[]] : dealt;
      }
    }
  }

  /** Of a scan that is read by partitions: those of one of them. */
  #splitsOf(sourceId: number, partition?: number): readonly FileSplit[] {
    const scan = this.#plan.scans.find((candidate) => candidate.sourceId === sourceId);
    if (scan === undefined) throw new Error(`the plan describes scan ${sourceId}`);
    return scan.files.flatMap(({ rowGroups, ...file }) =>
      rowGroups
        .filter(({ partitions }) => partitions?.includes(partition ?? -1) ?? true)
        .map(({ firstRow, rowCount, bytes }) => ({
          kind: 'file',
          ...file,
          firstRow,
          rowCount,
          bytes,
        })),
    );
  }

  async #runTask(order: {
    readonly fragment: PlanFragment;
    readonly task: number;
    readonly splits: readonly FileSplit[];
    readonly table: string;
  }): Promise<void> {
    const { fragment, task, splits, table } = order;
    for (const statement of fragment.preparation ?? []) await this.#connection.run(statement);
    const isIncremental = fragment.inputMode === 'incremental';
    const batches = isIncremental ? deal(splits, this.#execution.batchCount) : [splits];
    const limit = fragment.rowLimit === undefined ? '' : ` LIMIT ${fragment.rowLimit}`;
    const statements = batches
      .filter((batch, index) => index === 0 || batch.length > 0)
      .map((batch, index) => this.#statement(this.#formOf(fragment, task + index), task, batch));
    await this.#connection.run(`CREATE OR REPLACE TEMP TABLE ${table} AS ${statements[0] ?? ''}`);
    for (const statement of statements.slice(1)) {
      await this.#connection.run(`INSERT INTO ${table} ${statement}`);
    }
    if (limit !== '') {
      await this.#connection.run(`CREATE OR REPLACE TEMP TABLE ${table} AS FROM ${table}${limit}`);
    }
    if (task === 0) await this.#expectTypes(fragment, table);
  }

  #formOf(fragment: PlanFragment, statement: number): PlanFragment {
    const { partialForm = 'mixed' } = this.#execution;
    const isRowwise = partialForm === 'rowwise' || (partialForm === 'mixed' && statement % 2 === 1);
    const { partialAggregation, sql } = fragment;
    return { ...fragment, sql: isRowwise ? (partialAggregation?.rowwiseSql ?? sql) : sql };
  }

  #statement(fragment: PlanFragment, task: number, batch: readonly FileSplit[]): string {
    const inputs = [
      ...fragment.scans.map((scan) => {
        const isDealt =
          fragment.partitioning.kind === 'source' &&
          fragment.partitioning.sourceId === scan.sourceId;
        const ranges = isDealt ? batch : this.#splitsOf(scan.sourceId, task);
        const rows = scanRelation(scan, ranges, { partition: task });
        return `${scan.name} AS NOT MATERIALIZED (${rows})`;
      }),
      ...fragment.remoteSources.map((source) => {
        return `${source.name} AS MATERIALIZED (${this.#remoteRelation(fragment, source, task)})`;
      }),
    ];
    const columns = fragment.columns.map((_, index) => `c${index}`).join(', ');
    const prefix = inputs.length === 0 ? '' : `WITH ${inputs.join(',\n')}\n`;
    return `${prefix}FROM (${fragment.sql}\n) AS fragment_rows(${columns})`;
  }

  #remoteRelation(fragment: PlanFragment, source: RemoteSource, task: number): string {
    const parts = source.producers.flatMap((producer) => {
      const output = this.#outputOf(producer, fragment.id, source);
      const tables = this.#outputs.get(producer) ?? [];
      return tables.map((table) => this.#share(table, output, task));
    });
    if (parts.length === 0) throw new Error(`${source.name} has producers`);
    return parts.join('\nUNION ALL ');
  }

  #outputOf(producer: number, consumer: number, source: RemoteSource): FragmentOutput {
    const outputs = this.#plan.fragments.find(({ id }) => id === producer)?.outputs ?? [];
    const found = outputs.filter(
      (output) =>
        output.consumer.kind === 'fragment' &&
        output.consumer.fragmentId === consumer &&
        output.consumer.sourceId === source.sourceId,
    );
    const [output, ...others] = found;
    if (output === undefined || others.length > 0) {
      throw new Error(`fragment ${producer} has ${found.length} outputs for ${source.name}`);
    }
    return output;
  }

  /** The rows of a producer's task that one task of the consumer reads. */
  #share(table: string, output: FragmentOutput, task: number): string {
    const { taskCount } = this.#execution;
    switch (output.scheme.kind) {
      case 'single':
      case 'broadcast':
        return `FROM ${table}`;
      case 'hash':
        return `FROM ${table} WHERE hash(${output.scheme.keys.join(', ')}) % ${taskCount} = ${task}`;
      case 'discard':
        return `FROM ${table} LIMIT 0`;
      case 'arbitrary':
        return `FROM ${table} WHERE rowid % ${taskCount} = ${task}`;
    }
  }

  async #expectTypes(fragment: PlanFragment, table: string): Promise<void> {
    const actual = (await describedTypes(this.#connection, table)).join(', ');
    const expected = (await this.#boundTypes(fragment)).join(', ');
    if (actual !== expected) {
      throw new Error(`fragment ${fragment.id} gives ${actual}, not ${expected}`);
    }
  }

  /** The declared types as DESCRIBE names them. */
  async #boundTypes({ columns }: PlanFragment): Promise<readonly string[]> {
    const types = columns.map(({ type }) => formatColumnType(type));
    for (const type of types) {
      if (BOUND_TYPES.has(type)) continue;
      const [bound] = await describedTypes(this.#connection, `(SELECT CAST(NULL AS ${type}))`);
      BOUND_TYPES.set(type, bound ?? '');
    }
    return types.map((type) => BOUND_TYPES.get(type) ?? '');
  }
}

/** What DESCRIBE says of a type, which is asked of DuckDB once. */
const BOUND_TYPES = new Map<string, string>();

async function describedTypes(
  connection: DuckDBConnection,
  relation: string,
): Promise<readonly string[]> {
  const described = await connection.runAndReadAll(`DESCRIBE FROM ${relation}`);
  return described.getRows().map((row) => String(row[1]));
}

function deal<T>(items: readonly T[], count: number): readonly (readonly T[])[] {
  return Array.from({ length: count }, (_, index) =>
    items.filter((_item, position) => position % count === index),
  );
}
