/**
 * `page_source(id)`: a remote source's pages as a DuckDB table, read within the callbacks of the one
 * statement that runs in this thread. A slot is granted when the inputs are complete, so pages are at most a
 * disk read away and the callback waits for them, in slices, seeing aborts.
 */
import duckdb from '@duckdb/node-bindings';
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import { toLogicalType } from '../../common/duckdb/duckdb-type.ts';
import { writePageRows } from '../../common/duckdb/page-writer.ts';
import { EngineError } from '../../common/error.ts';
import type { SourceId } from '../../common/ids.ts';
import { decodePage, type DecodedPage } from '../../common/page/page-reader.ts';
import type { Page } from '../../common/page/page.ts';
import { storageOf, type Storage } from '../../common/page/storage.ts';
import type { ColumnType } from '../../common/plan/column-type.ts';
import type { FragmentRun } from '../task/fragment-slot.ts';
import { PAGE_SOURCE } from './fragment-statement.ts';
import type { InputPage } from './slot-messages.ts';
import type { SlotSignals } from './slot-signals.ts';

export interface PageSourceDeps {
  readonly port: MessagePort;
  readonly signals: SlotSignals;
  /** A page of so many bytes was taken: the main thread may send more. */
  readonly onConsumed: (sourceId: SourceId, byteCount: number) => void;
  /** Keeps the typed cause of an error that DuckDB will only give back as text. */
  readonly onFailure: (error: unknown) => void;
}

interface OpenSource {
  readonly sourceId: SourceId;
  readonly types: readonly ColumnType[];
  readonly storages: readonly Storage[];
  readonly rowCount: number;
  readonly arrived: Page[];
  isScanned: boolean;
  complete: boolean;
  current: DecodedPage | undefined;
  nextRow: number;
}

export class PageSources {
  readonly #deps: PageSourceDeps;
  readonly #sources = new Map<SourceId, OpenSource>();
  #runNumber = 0;

  constructor(deps: PageSourceDeps) {
    this.#deps = deps;
  }

  /** Registers the function; once per instance, since it cannot be dropped (duckdb.md §3). */
  register(connection: duckdb.Connection, threads: number): void {
    const tableFunction = duckdb.create_table_function();
    duckdb.table_function_set_name(tableFunction, PAGE_SOURCE);
    const bigint = duckdb.create_logical_type(duckdb.Type.BIGINT);
    duckdb.table_function_add_parameter(tableFunction, bigint);
    duckdb.table_function_set_bind(tableFunction, (info) => this.#bind(info));
    duckdb.table_function_set_init(tableFunction, (info) => {
      this.#beginScan(duckdb.init_get_bind_data(info) as OpenSource);
      duckdb.init_set_max_threads(info, threads);
    });
    duckdb.table_function_set_function(tableFunction, (info, output) => this.#fill(info, output));
    duckdb.register_table_function(connection, tableFunction);
  }

  /** Offers the remote sources of a run; pages of other runs are dropped. */
  begin(runNumber: number, run: FragmentRun): void {
    this.#runNumber = runNumber;
    this.#sources.clear();
    for (const { sourceId, types, estimatedRows } of run.fragment.remoteSources) {
      const columns = types.map((type) => ({ name: '', type }));
      this.#sources.set(sourceId, {
        sourceId,
        types,
        storages: storageOf(columns, 'exchange'),
        rowCount: Math.ceil(run.inputRows.get(sourceId) ?? estimatedRows),
        arrived: [],
        isScanned: false,
        complete: false,
        current: undefined,
        nextRow: 0,
      });
    }
  }

  end(): void {
    this.#sources.clear();
    this.#receive();
  }

  #bind(info: duckdb.TableFunctionBindInfo): void {
    const id = Number(duckdb.get_int64(duckdb.bind_get_parameter(info, 0))) as SourceId;
    const source = this.#sources.get(id);
    if (source === undefined) throw new Error(`no remote source ${id} in this fragment`);
    for (const [i, type] of source.types.entries()) {
      duckdb.bind_add_result_column(info, `c${i}`, toLogicalType(type));
    }
    // A table has at least one column, even when only its rows count.
    if (source.types.length === 0) {
      duckdb.bind_add_result_column(info, 'c0', toLogicalType({ id: 'BOOLEAN' }));
    }
    duckdb.bind_set_bind_data(info, source);
    // A wrong cardinality makes DuckDB build on the wrong side of a join (duckdb.md §1).
    duckdb.bind_set_cardinality(info, source.rowCount, false);
  }

  /** Pages pass by once: a second scan would see none and be taken for an empty input. */
  #beginScan(source: OpenSource): void {
    if (source.isScanned) {
      const error = new EngineError(
        'INTERNAL_ERROR',
        `remote source ${source.sourceId} is read twice`,
      );
      this.#deps.onFailure(error);
      throw error;
    }
    source.isScanned = true;
  }

  #fill(info: duckdb.TableFunctionInfo, output: duckdb.DataChunk): void {
    const source = duckdb.function_get_bind_data(info) as OpenSource;
    try {
      const page = this.#currentPage(source);
      if (page === undefined) duckdb.data_chunk_set_size(output, 0);
      else source.nextRow += writePageRows(output, page, { fromRow: source.nextRow });
    } catch (error) {
      this.#deps.onFailure(error);
      throw error;
    }
  }

  /** The page with the next rows; `undefined` at the source's end. */
  #currentPage(source: OpenSource): DecodedPage | undefined {
    while (source.current === undefined || source.nextRow >= source.current.rowCount) {
      const page = this.#nextPage(source);
      if (page === undefined) return undefined;
      source.current = decodePage(page, source.storages);
      source.nextRow = 0;
      this.#deps.onConsumed(source.sourceId, page.byteLength);
    }
    return source.current;
  }

  #nextPage(source: OpenSource): Page | undefined {
    const { signals } = this.#deps;
    for (;;) {
      const bell = signals.bell;
      this.#receive();
      const page = source.arrived.shift();
      if (page !== undefined || source.complete) return page;
      signals.throwIfAborted();
      signals.awaitBell(bell);
    }
  }

  #receive(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#deps.port);
      if (received === undefined) return;
      const { runNumber, sourceId, page } = received.message as InputPage;
      const source = runNumber === this.#runNumber ? this.#sources.get(sourceId) : undefined;
      if (source === undefined) continue;
      if (page === undefined) source.complete = true;
      else source.arrived.push(page);
    }
  }
}
