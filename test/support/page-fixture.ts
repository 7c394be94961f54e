/** A DuckDB with a table function that serves pages: what a worker's slot has, without the worker. */
import { type DuckDBConnection, DuckDBInstance, DuckDBTableFunction } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import {
  fromLogicalType,
  learnVariantType,
  toLogicalType,
} from '../../services/common/duckdb/duckdb-type.ts';
import { writePageRows } from '../../services/common/duckdb/page-writer.ts';
import { exchangeReader, resultReader } from '../../services/common/duckdb/result-reader.ts';
import { readData } from '../../services/common/duckdb/vector-memory.ts';
import {
  PagePartitioner,
  type PartitionPage,
} from '../../services/common/page/page-partitioner.ts';
import { decodePage, type DecodedPage } from '../../services/common/page/page-reader.ts';
import type { Page } from '../../services/common/page/page.ts';
import { storageOf } from '../../services/common/page/storage.ts';
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
  readonly pages: DecodedPage[];
  fromRow: number;
}

export class PageFixture implements AsyncDisposable {
  readonly #instance: DuckDBInstance;
  readonly connection: DuckDBConnection;
  readonly #inputs: PageInput[] = [];

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.connection = connection;
    this.#registerPageSource();
  }

  static async open(): Promise<PageFixture> {
    const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
    const connection = await instance.connect();
    await learnVariantType(connection);
    return new PageFixture(instance, connection);
  }

  async run(sql: string): Promise<void> {
    await this.connection.run(sql);
  }

  /** All rows of a result, each value as text. */
  async texts(sql: string): Promise<(string | null)[][]> {
    const names = (await this.columnsOf(sql)).map((_, index) => `c${index}`);
    const casts = names.map((name) => `${name}::VARCHAR AS ${name}`).join(', ');
    const reader = await this.connection.runAndReadAll(
      `SELECT ${casts} FROM (${sql}) t(${names.join(', ')})`,
    );
    return reader.getRows() as (string | null)[][];
  }

  /** Runs the statement with the column that says each row's partition, and gives its pages. */
  async paginate(sql: string, paging: Paging): Promise<PagedResult> {
    const columns = await this.columnsOf(sql);
    const { connection } = this;
    const names = columns.map((_, index) => `c${index}`).join(', ');
    const dealt = `SELECT ${names}, (${paging.partition ?? '0'})::INTEGER FROM (${sql}) t(${names})`;
    const result = await (paging.streaming === true
      ? connection.stream(dealt)
      : connection.run(dealt));
    const storages = storageOf(columns, paging.layout);
    const partitioner = new PagePartitioner({ partitionCount: 1, ...paging, storages });
    const readerOf = paging.layout === 'exchange' ? exchangeReader : resultReader;
    const readers = columns.map(({ type }) => readerOf(type));
    const pages: PartitionPage[] = [];
    for await (const { chunk, rowCount } of result) {
      const vector = (index: number) => duckdb.data_chunk_get_vector(chunk, index);
      const { buffer, byteOffset } = readData(vector(columns.length), rowCount * 4);
      const vectors = readers.map((read, index) => read(vector(index), rowCount, undefined));
      pages.push(...partitioner.append(vectors, new Int32Array(buffer, byteOffset, rowCount)));
    }
    pages.push(...partitioner.flush());
    return { columns, pages };
  }

  /** Makes a relation of exchange pages. */
  offer(columns: readonly Column[], pages: readonly Page[]): string {
    const storages = storageOf(columns, 'exchange');
    const decoded = pages.map((page) => decodePage(page, storages));
    const names = columns.map((_, index) => `c${index}`);
    this.#inputs.push({ columns, pages: decoded, fromRow: 0 });
    const id = this.#inputs.length - 1;
    return `(SELECT ${names.join(', ')} FROM page_source(${id}))`;
  }

  async columnsOf(sql: string): Promise<Column[]> {
    const result = await this.connection.run(`FROM (${sql}) LIMIT 0`);
    return Array.from({ length: result.columnCount }, (_, index) => ({
      name: result.columnName(index),
      type: fromLogicalType(result.columnLogicalType(index).logical_type),
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.connection.disconnectSync();
    this.#instance.closeSync();
  }

  #registerPageSource(): void {
    const pageSource = new DuckDBTableFunction();
    const source = pageSource.table_function;
    duckdb.table_function_set_name(source, 'page_source');
    duckdb.table_function_add_parameter(source, duckdb.create_logical_type(duckdb.Type.INTEGER));
    duckdb.table_function_set_bind(source, (info) => {
      const id = duckdb.get_int32(duckdb.bind_get_parameter(info, 0));
      const input = this.#inputs[id]!;
      for (const [index, { type }] of input.columns.entries()) {
        duckdb.bind_add_result_column(info, `c${index}`, toLogicalType(type));
      }
      duckdb.bind_set_bind_data(info, input);
    });
    duckdb.table_function_set_init(source, () => {});
    duckdb.table_function_set_function(source, (info, chunk) => {
      serve(duckdb.function_get_bind_data(info) as PageInput, chunk);
    });
    this.connection.registerTableFunction(pageSource);
  }
}

function serve(input: PageInput, chunk: duckdb.DataChunk): void {
  const page = input.pages[0];
  if (page === undefined) {
    duckdb.data_chunk_set_size(chunk, 0);
    return;
  }
  input.fromRow += writePageRows(chunk, page, { fromRow: input.fromRow });
  if (input.fromRow < page.rowCount) return;
  input.pages.shift();
  input.fromRow = 0;
}
