/** A DuckDB with a table function that serves pages: what a worker's slot has, without the worker. */
import duckdb from '@duckdb/node-bindings';
import { ChunkPaginator } from '../../services/common/duckdb/chunk-paginator.ts';
import { fromLogicalType, toLogicalType } from '../../services/common/duckdb/duckdb-type.ts';
import { writeIdleRow, writePageRows } from '../../services/common/duckdb/page-writer.ts';
import type { PartitionPage } from '../../services/common/page/page-partitioner.ts';
import { decodePage, type DecodedPage } from '../../services/common/page/page-reader.ts';
import type { Page } from '../../services/common/page/page.ts';
import { storageOf, type Storage } from '../../services/common/page/storage.ts';
import type { Column } from '../../services/common/plan/column-type.ts';
import type { PageLayout } from '../../services/common/plan/type-table.ts';

export interface Paging {
  readonly layout: PageLayout;
  readonly partitionCount?: number;
  readonly targetPageBytes?: number;
  /** SQL of the partition over the statement's columns; 0 unless said otherwise. */
  readonly partition?: string;
  readonly streaming?: boolean;
}

export interface PagedResult {
  readonly columns: readonly Column[];
  readonly pages: readonly PartitionPage[];
}

interface PageInput {
  readonly columns: readonly Column[];
  readonly storages: readonly Storage[];
  readonly pages: DecodedPage[];
  fromRow: number;
  idleTurn: boolean;
}

export class PageFixture implements AsyncDisposable {
  readonly #database: duckdb.Database;
  readonly #connection: duckdb.Connection;
  readonly #inputs: PageInput[] = [];

  private constructor(database: duckdb.Database, connection: duckdb.Connection) {
    this.#database = database;
    this.#connection = connection;
    this.#registerPageSource();
  }

  static async open(): Promise<PageFixture> {
    const database = await duckdb.open(':memory:');
    return new PageFixture(database, await duckdb.connect(database));
  }

  async run(sql: string): Promise<void> {
    await duckdb.query(this.#connection, sql);
  }

  /** All values of a result as text, row by row. */
  async texts(sql: string): Promise<(string | null)[][]> {
    const result = await duckdb.query(this.#connection, sql);
    const names = Array.from({ length: duckdb.column_count(result) }, (_, index) => `c${index}`);
    const casts = names.map((name) => `${name}::VARCHAR`).join(', ');
    const list = await duckdb.query(
      this.#connection,
      `SELECT to_json([${casts}])::VARCHAR FROM (${sql}) t(${names.join(', ')})`,
    );
    const rows: (string | null)[][] = [];
    for (
      let chunk = await duckdb.fetch_chunk(list);
      chunk !== null;
      chunk = await duckdb.fetch_chunk(list)
    ) {
      const rowCount = duckdb.data_chunk_get_size(chunk);
      if (rowCount === 0) break;
      const entries = duckdb.vector_get_data(duckdb.data_chunk_get_vector(chunk, 0), rowCount * 16);
      for (let row = 0; row < rowCount; row += 1) rows.push(JSON.parse(readText(entries, row)));
    }
    return rows;
  }

  /** Runs the statement with its partition column and end marker and gives its pages. */
  async paginate(sql: string, paging: Paging): Promise<PagedResult> {
    const columns = await this.columnsOf(sql);
    const names = columns.map((_, index) => `c${index}`).join(', ');
    const nulls = columns.map(() => 'NULL').join(', ');
    const marked = `SELECT ${names}, (${paging.partition ?? '0'})::INTEGER FROM (${sql}) t(${names})
      UNION ALL SELECT ${nulls}, -1`;
    const prepared = await duckdb.prepare(this.#connection, marked);
    const result =
      paging.streaming === true
        ? await duckdb.execute_prepared_streaming(prepared)
        : await duckdb.execute_prepared(prepared);
    const paginator = new ChunkPaginator({ partitionCount: 1, ...paging, columns });
    const pages: PartitionPage[] = [];
    for (;;) {
      const chunk = await duckdb.fetch_chunk(result);
      if (chunk === null || duckdb.data_chunk_get_size(chunk) === 0) break;
      pages.push(...paginator.append(chunk));
    }
    if (!paginator.ended) throw new Error('no end marker');
    pages.push(...paginator.flush());
    return { columns, pages };
  }

  /** Makes a relation of exchange pages: `SELECT … FROM page_source(id) WHERE live`. */
  offer(columns: readonly Column[], pages: readonly Page[]): string {
    const storages = storageOf(columns, 'exchange');
    const decoded = pages.map((page) => decodePage(page, storages));
    const names = columns.map((_, index) => `c${index}`);
    this.#inputs.push({ columns, storages, pages: decoded, fromRow: 0, idleTurn: true });
    const id = this.#inputs.length - 1;
    return `(SELECT ${names.join(', ')} FROM page_source(${id}) WHERE live)`;
  }

  async columnsOf(sql: string): Promise<Column[]> {
    const prepared = await duckdb.prepare(this.#connection, sql);
    const count = duckdb.prepared_statement_column_count(prepared);
    return Array.from({ length: count }, (_, index) => ({
      name: duckdb.prepared_statement_column_name(prepared, index),
      type: fromLogicalType(duckdb.prepared_statement_column_logical_type(prepared, index)),
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    duckdb.disconnect_sync(this.#connection);
    duckdb.close_sync(this.#database);
  }

  #registerPageSource(): void {
    const source = duckdb.create_table_function();
    duckdb.table_function_set_name(source, 'page_source');
    duckdb.table_function_add_parameter(source, duckdb.create_logical_type(duckdb.Type.INTEGER));
    duckdb.table_function_set_bind(source, (info) => {
      const id = duckdb.get_int32(duckdb.bind_get_parameter(info, 0));
      const input = this.#inputs[id]!;
      for (const [index, { type }] of input.columns.entries()) {
        duckdb.bind_add_result_column(info, `c${index}`, toLogicalType(type));
      }
      duckdb.bind_add_result_column(info, 'live', duckdb.create_logical_type(duckdb.Type.BOOLEAN));
      duckdb.bind_set_bind_data(info, input);
    });
    duckdb.table_function_set_init(source, () => {});
    duckdb.table_function_set_function(source, (info, chunk) => {
      serve(duckdb.function_get_bind_data(info) as PageInput, chunk);
    });
    duckdb.register_table_function(this.#connection, source);
  }
}

/** Serves an idle row before each page, as a source that waits would. */
function serve(input: PageInput, chunk: duckdb.DataChunk): void {
  const page = input.pages[0];
  if (page === undefined) {
    duckdb.data_chunk_set_size(chunk, 0);
    return;
  }
  if (input.idleTurn) {
    input.idleTurn = false;
    writeIdleRow(chunk, input.storages);
    return;
  }
  input.fromRow += writePageRows(chunk, page, { fromRow: input.fromRow });
  if (input.fromRow < page.rowCount) return;
  input.pages.shift();
  input.fromRow = 0;
  input.idleTurn = true;
}

function readText(entries: Uint8Array, row: number): string {
  const view = Buffer.from(entries.buffer, entries.byteOffset, entries.byteLength);
  const at = row * 16;
  const length = view.readUInt32LE(at);
  if (length <= 12) return view.toString('utf8', at + 4, at + 4 + length);
  const pointerAt = view.byteOffset + at + 8;
  const text = duckdb.get_data_from_pointer(view.buffer as ArrayBuffer, pointerAt, length);
  return Buffer.from(text).toString('utf8');
}
