/**
 * `emit_rows(c0 … cn, partition …)`: takes a fragment's rows out of the running statement. DuckDB calls it
 * with chunks of 2,048 rows, one call at a time; here they become pages, dealt to their partitions. When
 * nobody takes the pages the call waits, and with it the statement: back-pressure down to the scans.
 */
import duckdb from '@duckdb/node-bindings';
import { fromLogicalType } from '../../common/duckdb/duckdb-type.ts';
import { exchangeReader, resultReader } from '../../common/duckdb/result-reader.ts';
import { readData } from '../../common/duckdb/vector-memory.ts';
import type { VectorReader } from '../../common/duckdb/vector-reader.ts';
import type { Clock } from '../../common/clock.ts';
import { EngineError } from '../../common/error.ts';
import type { ColumnVector } from '../../common/page/column-vector.ts';
import { PagePartitioner, type PartitionPage } from '../../common/page/page-partitioner.ts';
import { storageOf } from '../../common/page/storage.ts';
import { formatColumnType, type Column } from '../../common/plan/column-type.ts';
import type { PageLayout } from '../../common/plan/type-table.ts';
import type { DealtPage, FragmentRun, RowDeal } from '../task/fragment-slot.ts';
import { KeyCollector } from './key-collector.ts';
import type { SlotSignals } from './slot-signals.ts';

/** Pages sent and not yet taken, before the statement has to wait. */
const MAX_BYTES_UNDERWAY = 4 << 20;

/** Rows of a chunk go to partition 0 when a deal has no keys. */
const NO_PARTITIONS = new Int32Array(duckdb.vector_size());

interface OpenDeal {
  readonly index: number;
  readonly layout: PageLayout;
  /** The argument that holds the rows' partitions; `undefined`: all go to partition 0. */
  readonly argument: number | undefined;
  readonly partitioner: PagePartitioner;
}

export interface RowEmitterDeps {
  readonly signals: SlotSignals;
  readonly clock: Clock;
  readonly send: (pages: readonly DealtPage[]) => void;
}

export class RowEmitter {
  readonly #columns: readonly Column[];
  readonly #deals: readonly OpenDeal[];
  readonly #readers: ReadonlyMap<PageLayout, readonly VectorReader[]>;
  readonly #keys: KeyCollector | undefined;
  readonly #rowLimit: number;
  readonly #deps: RowEmitterDeps;
  #rowCount = 0;
  #aggregatedRows: number | undefined;
  #waitedMs = 0;
  #isChecked = false;

  constructor(run: FragmentRun, deps: RowEmitterDeps) {
    const { columns } = run.fragment;
    this.#columns = columns;
    this.#deals = openDeals(run.deals, columns);
    const { collectedKeys = [] } = run.fragment;
    const dealArguments = this.#deals.filter(({ argument }) => argument !== undefined).length;
    this.#keys =
      collectedKeys.length === 0
        ? undefined
        : new KeyCollector(collectedKeys, columns, columns.length + dealArguments);
    const layouts = new Set(run.deals.map((deal) => deal.layout));
    this.#readers = new Map([...layouts].map((layout) => [layout, readersOf(columns, layout)]));
    this.#rowLimit = run.rowLimit ?? Infinity;
    this.#deps = deps;
  }

  /** Rows taken so far, in all statements of the run. */
  get rowCount(): number {
    return this.#rowCount;
  }

  /** Whether the next statement's last argument says how many rows each row was made of. */
  countAggregated(isCounted: boolean): void {
    this.#aggregatedRows = isCounted ? 0 : undefined;
  }

  /** The sum of these counts in the last statement that had them asked for; `undefined`: it had not. */
  get aggregatedRows(): number | undefined {
    return this.#aggregatedRows;
  }

  /** How long rows have waited for room so far. */
  get waitedMs(): number {
    return this.#waitedMs;
  }

  get limitReached(): boolean {
    return this.#rowCount >= this.#rowLimit;
  }

  /** What the statements' rows say of join keys; `undefined`: nobody asks. */
  get keys(): KeyCollector | undefined {
    return this.#keys;
  }

  /** Takes a chunk's rows, up to the row limit. Waits while too many pages are underway. */
  append(chunk: duckdb.DataChunk): void {
    this.#awaitRoom();
    if (!this.#isChecked) this.#checkTypes(chunk);
    const size = duckdb.data_chunk_get_size(chunk);
    const rowCount = Math.min(size, this.#rowLimit - this.#rowCount);
    if (rowCount <= 0) return;
    const byLayout = new Map<PageLayout, readonly ColumnVector[]>();
    for (const [layout, readers] of this.#readers) {
      const read = (reader: VectorReader, i: number): ColumnVector =>
        reader(duckdb.data_chunk_get_vector(chunk, i), rowCount, undefined);
      byLayout.set(layout, readers.map(read));
    }
    for (const deal of this.#deals) {
      const partitions = partitionsOf(deal, chunk, rowCount);
      this.#sendPages(deal, deal.partitioner.append(byLayout.get(deal.layout)!, partitions));
    }
    this.#keys?.append((argument) => duckdb.data_chunk_get_vector(chunk, argument), rowCount);
    if (this.#aggregatedRows !== undefined) this.#aggregatedRows += sumOfLast(chunk, rowCount);
    this.#rowCount += rowCount;
  }

  get hasPendingRows(): boolean {
    return this.#deals.some((deal) => deal.partitioner.bufferedBytes > 0);
  }

  /** Sends all rows that are still held. */
  flush(): void {
    for (const deal of this.#deals) this.#sendPages(deal, deal.partitioner.flush());
  }

  #sendPages(deal: OpenDeal, pages: readonly PartitionPage[]): void {
    if (pages.length === 0) return;
    const { signals, send } = this.#deps;
    for (const { page } of pages) signals.addBytesUnderway(page.byteLength);
    send(pages.map((page) => ({ deal: deal.index, ...page })));
  }

  #awaitRoom(): void {
    const { signals, clock } = this.#deps;
    for (;;) {
      const bell = signals.bell;
      signals.throwIfAborted();
      if (signals.bytesUnderway <= MAX_BYTES_UNDERWAY) return;
      const since = clock.now();
      signals.awaitBell(bell);
      this.#waitedMs += clock.now() - since;
    }
  }

  /** The columns are read as raw memory of their declared types: another type would be read wrongly. */
  #checkTypes(chunk: duckdb.DataChunk): void {
    for (const [i, { type }] of this.#columns.entries()) {
      const vector = duckdb.data_chunk_get_vector(chunk, i);
      const actual = formatColumnType(fromLogicalType(duckdb.vector_get_column_type(vector)));
      const declared = formatColumnType(type);
      if (actual === declared) continue;
      throw new EngineError(
        'INTERNAL_ERROR',
        `column c${i} is ${actual}, not ${declared} as planned`,
      );
    }
    this.#isChecked = true;
  }
}

function openDeals(deals: readonly RowDeal[], columns: readonly Column[]): readonly OpenDeal[] {
  let argument = columns.length;
  return deals.map(({ layout, keys, partitionCount }, index) => ({
    index,
    layout,
    argument: keys === undefined ? undefined : argument++,
    partitioner: new PagePartitioner({ storages: storageOf(columns, layout), partitionCount }),
  }));
}

function readersOf(columns: readonly Column[], layout: PageLayout): readonly VectorReader[] {
  const readerOf = layout === 'exchange' ? exchangeReader : resultReader;
  return columns.map((column) => readerOf(column.type));
}

function partitionsOf(deal: OpenDeal, chunk: duckdb.DataChunk, rowCount: number): Int32Array {
  if (deal.argument === undefined) return NO_PARTITIONS.subarray(0, rowCount);
  return integersOf(chunk, deal.argument, rowCount);
}

function sumOfLast(chunk: duckdb.DataChunk, rowCount: number): number {
  let sum = 0;
  const last = duckdb.data_chunk_get_column_count(chunk) - 1;
  for (const count of integersOf(chunk, last, rowCount)) sum += count;
  return sum;
}

function integersOf(chunk: duckdb.DataChunk, argument: number, rowCount: number): Int32Array {
  const vector = duckdb.data_chunk_get_vector(chunk, argument);
  const { buffer, byteOffset } = readData(vector, rowCount * 4);
  return new Int32Array(buffer, byteOffset, rowCount);
}
