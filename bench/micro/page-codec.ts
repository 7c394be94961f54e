import { DuckDBInstance, type DuckDBConnection, type DuckDBDataChunk } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { fromLogicalType, toLogicalType } from '../../services/common/duckdb/duckdb-type.ts';
import { writePageRows } from '../../services/common/duckdb/page-writer.ts';
import { exchangeReader, resultReader } from '../../services/common/duckdb/result-reader.ts';
import { PagePartitioner } from '../../services/common/page/page-partitioner.ts';
import { decodePage } from '../../services/common/page/page-reader.ts';
import type { Page } from '../../services/common/page/page.ts';
import { storageOf } from '../../services/common/page/storage.ts';
import type { Column } from '../../services/common/plan/column-type.ts';
import type { PageLayout } from '../../services/common/plan/type-table.ts';
import { measureRate, type Measurement, type MicroBenchmark } from '../micro-benchmark.ts';

const ROWS = 400_000;
const GIGABYTE = 1e9;

/** Columns like lineitem's: keys, decimals, dates, flags, short and long text. */
const LINE_ITEMS = `
  SELECT i // 4 AS orderkey, hash(i) % 200000 AS partkey, (i % 7)::INTEGER AS linenumber,
    (hash(i, 1) % 5000 / 100)::DECIMAL(15,2) AS quantity,
    (hash(i, 2) % 10000000 / 100)::DECIMAL(15,2) AS extendedprice,
    (hash(i, 3) % 11 / 100)::DECIMAL(15,2) AS discount,
    ['A', 'N', 'R'][(hash(i, 4) % 3)::INTEGER + 1] AS returnflag,
    DATE '1995-01-01' + (hash(i, 5) % 2500)::INTEGER AS shipdate,
    DATE '1995-01-01' + (hash(i, 6) % 2500)::INTEGER AS commitdate,
    ['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN'][(hash(i, 7) % 4)::INTEGER + 1] AS shipinstruct,
    ['AIR', 'TRUCK', 'RAIL', 'REG AIR'][(hash(i, 8) % 4)::INTEGER + 1] AS shipmode,
    substr('carefully final deposits sleep furiously along the regular ideas', (hash(i, 9) % 20)::INTEGER + 1, (hash(i, 10) % 34)::INTEGER + 10) AS comment
  FROM range(${ROWS}) t(i)`;

const NUMBERS =
  'SELECT orderkey, partkey, linenumber, quantity, extendedprice, discount, shipdate, commitdate';
const TEXTS = 'SELECT returnflag, shipinstruct, shipmode, comment';

export const benchmark: MicroBenchmark = {
  title: `DuckDB vectors to pages and back, ${ROWS} rows like lineitem's, one thread`,
  async run() {
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    await connection.run(`CREATE TEMP TABLE line_items AS ${LINE_ITEMS}`);
    const measurements: Measurement[] = [];
    for (const [name, select] of [
      ['all', 'SELECT *'],
      ['numbers', NUMBERS],
      ['texts', TEXTS],
    ] as const) {
      measurements.push(...(await measureColumns(connection, name, `${select} FROM line_items`)));
    }
    connection.disconnectSync();
    instance.closeSync();
    return measurements;
  },
};

async function measureColumns(
  connection: DuckDBConnection,
  name: string,
  sql: string,
): Promise<readonly Measurement[]> {
  const result = await connection.run(sql);
  const columns: Column[] = Array.from({ length: result.columnCount }, (_, index) => ({
    name: result.columnName(index),
    type: fromLogicalType(result.columnLogicalType(index).logical_type),
  }));
  const chunks = await result.fetchAllChunks();
  const encode = (layout: PageLayout, partitionCount: number) => () => {
    const pages = encodeChunks(chunks, columns, { layout, partitionCount });
    return bytesOf(pages) / GIGABYTE;
  };
  const pages = encodeChunks(chunks, columns, { layout: 'exchange', partitionCount: 1 });
  const rates = [
    [`${name}: vectors to exchange pages`, encode('exchange', 1)],
    [`${name}: vectors to exchange pages, 8 partitions`, encode('exchange', 8)],
    [`${name}: vectors to result pages`, encode('result', 1)],
    [`${name}: exchange pages to vectors`, () => decodePages(pages, columns) / GIGABYTE],
  ] as const;
  const measurements: Measurement[] = [];
  for (const [label, operation] of rates) {
    measurements.push({ name: label, value: await measureRate(operation), unit: 'GB/s' });
  }
  return measurements;
}

interface Encoding {
  readonly layout: PageLayout;
  readonly partitionCount: number;
}

function encodeChunks(
  chunks: readonly DuckDBDataChunk[],
  columns: readonly Column[],
  encoding: Encoding,
): Page[] {
  const { layout, partitionCount } = encoding;
  const readers = columns.map(({ type }) =>
    layout === 'exchange' ? exchangeReader(type) : resultReader(type),
  );
  const partitioner = new PagePartitioner({ storages: storageOf(columns, layout), partitionCount });
  const partitions = Int32Array.from(
    { length: 2048 },
    (_, row) => (row * 2_654_435_761) % partitionCount,
  );
  const pages: Page[] = [];
  for (const { chunk } of chunks) {
    const rowCount = duckdb.data_chunk_get_size(chunk);
    const vectors = readers.map((read, index) => {
      return read(duckdb.data_chunk_get_vector(chunk, index), rowCount, undefined);
    });
    for (const { page } of partitioner.append(vectors, partitions.subarray(0, rowCount)))
      pages.push(page);
  }
  for (const { page } of partitioner.flush()) pages.push(page);
  return pages;
}

/** Bytes of the pages that were written into vectors. */
function decodePages(pages: readonly Page[], columns: readonly Column[]): number {
  const storages = storageOf(columns, 'exchange');
  const chunk = duckdb.create_data_chunk(columns.map(({ type }) => toLogicalType(type)));
  for (const page of pages) {
    const decoded = decodePage(page, storages);
    for (let row = 0; row < decoded.rowCount;) {
      duckdb.data_chunk_reset(chunk);
      row += writePageRows(chunk, decoded, { fromRow: row });
    }
  }
  return bytesOf(pages);
}

function bytesOf(pages: readonly Page[]): number {
  return pages.reduce((total, page) => total + page.byteLength, 0);
}
