/** Real slots with real DuckDB in this process, and fragments run in them. The threads come from dist/. */
import { DuckDBInstance } from '@duckdb/node-api';
import { tableFromIPC } from 'apache-arrow';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fromLogicalType } from '../../services/common/duckdb/duckdb-type.ts';
import type { DynamicFilter } from '../../services/common/dynamic-filter/dynamic-filter.ts';
import type { PartitionId, SourceId } from '../../services/common/ids.ts';
import { silentLogger } from '../../services/common/logger.ts';
import type { Page } from '../../services/common/page/page.ts';
import { encodeSchemaMessage, END_OF_STREAM } from '../../services/common/page/schema-message.ts';
import {
  formatColumnType,
  type Column,
  type ColumnType,
} from '../../services/common/plan/column-type.ts';
import type {
  PlanFragment,
  RemoteSource,
  ScanInput,
  ThreadUse,
} from '../../services/common/plan/plan-fragment.ts';
import type { FileSplit } from '../../services/common/plan/split.ts';
import { SlotPool } from '../../services/worker/duckdb/slot-pool.ts';
import { processCpuMeter } from '../../services/worker/main.ts';
import { MemoryBroker } from '../../services/worker/memory/memory-broker.ts';
import type {
  DealtPage,
  FragmentSlot,
  RowDeal,
  StatementResult,
} from '../../services/worker/task/fragment-slot.ts';
import { aFragment } from './plan-builders.ts';
import { A_SLOT_REQUEST } from './task-fakes.ts';

const root = join(import.meta.dirname, '..', '..');
export const DATA = join(root, 'examples', 'data');
export const DIST = process.env['SKEIN_TEST_DIST'] ?? join(root, 'dist');
/** What needs compiled modules takes them from dist/. */
export const THREAD_ENTRY = pathToFileURL(join(DIST, 'services/worker/duckdb/slot-thread.js'));
export const WORKER_ENTRY = pathToFileURL(join(DIST, 'services/worker/main.js'));

export const RESULT: RowDeal = { keys: undefined, partitionCount: 1, layout: 'result' };
export const EXCHANGE: RowDeal = { keys: undefined, partitionCount: 1, layout: 'exchange' };

export interface RunOptions {
  readonly deals?: readonly RowDeal[];
  readonly ordered?: boolean;
  readonly rowLimit?: number;
  readonly splits?: Readonly<Record<number, readonly FileSplit[]>>;
  readonly inputs?: Readonly<Record<number, readonly Page[]>>;
  readonly accept?: (page: DealtPage) => Promise<void> | undefined;
  readonly threads?: ThreadUse;
  /** What the connection is told first. */
  readonly preparation?: readonly string[];
  readonly isProfiled?: boolean;
  /** Dynamic filters that the scans know when the statement begins. */
  readonly filters?: readonly DynamicFilter[];
}

export interface RunResult {
  readonly pages: readonly DealtPage[];
  readonly statement: StatementResult;
}

export class SlotHarness implements AsyncDisposable {
  readonly pool: SlotPool;
  readonly directory: string;

  private constructor(pool: SlotPool, directory: string) {
    this.pool = pool;
    this.directory = directory;
  }

  /** `memoryBytes`: of all slots; half of it is the wide one's. */
  static async open(
    options: { readonly slotCount?: number; readonly memoryBytes?: number } = {},
  ): Promise<SlotHarness> {
    const { slotCount = 2, memoryBytes = 2 ** 31 } = options;
    const directory = mkdtempSync(join(tmpdir(), 'skein-slots-'));
    const pool = new SlotPool(
      {
        threadEntry: THREAD_ENTRY,
        slotCount,
        cores: 2,
        allowedDirectories: [DATA, directory],
        spillDirectory: join(directory, 'spill'),
        spillLimitBytes: 2 ** 32,
        settings: {},
      },
      { memory: new MemoryBroker(memoryBytes), cpu: processCpuMeter(), log: silentLogger },
    );
    await pool.prewarm();
    return new SlotHarness(pool, directory);
  }

  async acquire(fragment: PlanFragment, threads: ThreadUse = 'task'): Promise<FragmentSlot> {
    const { settings, mayReorderJoins = false } = fragment;
    const { claim } = A_SLOT_REQUEST;
    const request = { threads, mayReorderJoins, memoryLimitBytes: 0, settings, claim };
    return await this.pool.acquire(request, new AbortController().signal);
  }

  /** Says to a slot what to run; `collect` gets the pages. */
  begin(
    slot: FragmentSlot,
    fragment: PlanFragment,
    options: RunOptions & { readonly collect?: DealtPage[] } = {},
  ): void {
    const { deals = [RESULT], ordered = true, rowLimit, inputs = {}, accept, collect } = options;
    const { isProfiled = false, preparation = [] } = options;
    const left = new Map(Object.entries(inputs).map(([id, pages]) => [Number(id), [...pages]]));
    const partition = 0 as PartitionId;
    const inputRows = new Map();
    const dealing = { deals, ordered, rowLimit, inputRows, isProfiled };
    const run = { fragment, preparation, partition, ...dealing };
    slot.begin(run, {
      readPage: (sourceId) => Promise.resolve(left.get(sourceId)?.shift()?.slice(0)),
      acceptPage: (page) => {
        collect?.push(page);
        return accept?.(page);
      },
      onMemory: () => undefined,
    });
  }

  /** Runs one statement and gives the slot back, however it ends. */
  async run(fragment: PlanFragment, options: RunOptions = {}): Promise<RunResult> {
    const slot = await this.acquire(fragment, options.threads);
    try {
      const pages: DealtPage[] = [];
      this.begin(slot, fragment, { ...options, collect: pages });
      const { filters = [] } = options;
      const statement = await slot.execute({ splits: splitsOf(options), filters, flush: true });
      return { pages, statement };
    } finally {
      await slot.release();
    }
  }

  /** The fragment's rows as JavaScript values, in their order. */
  async rows(fragment: PlanFragment, options: RunOptions = {}): Promise<unknown[][]> {
    const { pages } = await this.run(fragment, options);
    return arrowRows(
      fragment.columns,
      pages.map(({ page }) => page),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export function splitsOf({ splits = {} }: RunOptions): Map<SourceId, readonly FileSplit[]> {
  return new Map(Object.entries(splits).map(([id, files]) => [Number(id) as SourceId, files]));
}

/** Rows of pages in the result layout. */
export function arrowRows(columns: readonly Column[], pages: readonly Page[]): unknown[][] {
  const messages = [
    encodeSchemaMessage(columns),
    ...pages.map((page) => new Uint8Array(page)),
    END_OF_STREAM,
  ];
  const table = tableFromIPC(Buffer.concat(messages));
  const vectors = columns.map((_column, i) => table.getChildAt(i));
  return Array.from({ length: table.numRows }, (_row, row) => {
    return vectors.map((vector): unknown => vector?.get(row));
  });
}

/** A split of rows [firstRow, firstRow + rowCount) of a file as it is now. */
export function fileSplit(path: string, firstRow: number, rowCount: number): FileSplit {
  const { size, mtimeMs } = statSync(path);
  const range = { firstRow, rowCount, bytes: 1 };
  return { kind: 'file', path, sizeBytes: size, modifiedAtMs: mtimeMs, ...range };
}

/** Plain DuckDB, the oracle: rows and columns of a statement. */
export async function oracle(
  sql: string,
): Promise<{ readonly columns: Column[]; readonly rows: unknown[][] }> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const result = await connection.run(sql);
    const columns = Array.from({ length: result.columnCount }, (_column, i) => ({
      name: result.columnName(i),
      type: fromLogicalType(result.columnLogicalType(i).logical_type),
    }));
    return { columns, rows: await result.getRows() };
  } finally {
    connection.disconnectSync();
    instance.closeSync();
  }
}

/** The table's file, and a scan of some of its columns as source 1. */
export function tableScan(table: string, columns: readonly Column[]): ScanInput {
  return { sourceId: 1 as SourceId, name: 'scan_1', format: 'parquet', columns, table };
}

export const dataFile = (table: string): string => join(DATA, `${table}.parquet`);

/** A fragment of SQL whose columns are what DuckDB says they are; inputs stand in as empty relations. */
export async function fragmentOf(
  sql: string,
  changes: Partial<PlanFragment> = {},
): Promise<PlanFragment> {
  const inputs = [
    ...(changes.scans ?? []).map(({ name, columns }) => ({
      name,
      types: columns.map(({ type }) => type),
    })),
    ...(changes.remoteSources ?? []),
  ];
  const relations = inputs.map(standIn).join(', ');
  const prefix = relations === '' ? '' : `WITH ${relations} `;
  const { columns } = await oracle(`${prefix}SELECT * FROM (${sql}) LIMIT 0`);
  return aFragment(0, { sql, columns, ...changes });
}

function standIn(input: { readonly name: string; readonly types: readonly ColumnType[] }): string {
  const columns = input.types.map((type, i) => `CAST(NULL AS ${formatColumnType(type)}) AS c${i}`);
  return `${input.name} AS (SELECT ${columns.join(', ') || 'NULL AS c0'})`;
}

export function remoteSource(
  sourceId: number,
  columns: readonly Column[],
  changes: Partial<RemoteSource> = {},
): RemoteSource {
  return {
    sourceId: sourceId as SourceId,
    name: `remote_${sourceId}`,
    producers: [],
    delivery: 'gather',
    types: columns.map(({ type }) => type),
    estimatedRows: 1000,
    ...changes,
  };
}
