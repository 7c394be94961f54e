import { type DuckDBConnection, type DuckDBValue } from '@duckdb/node-api';
import { quoteString } from '../../common/plan/column-type.ts';
import {
  type ColumnChunk,
  type FooterColumn,
  type FooterRowGroup,
  type ParquetFooter,
} from '../catalog/parquet-footer.ts';
import { type FooterReader } from '../catalog/ports.ts';
import { type InstancePool } from './instance-pool.ts';
import { sourceError } from './source-error.ts';

/** Footers by DuckDB's own functions, so that a file means here what it means when it is read. */
export class DuckDBFooterReader implements FooterReader {
  readonly #instances: InstancePool;
  readonly #settings: Readonly<Record<string, string>>;
  /** Files of one table share their columns, which makes comparing them cheap. */
  readonly #columns = new Map<string, readonly FooterColumn[]>();

  /** `settings` are those of an instance that is open anyway; footers do not depend on it. */
  constructor(instances: InstancePool, settings: Readonly<Record<string, string>>) {
    this.#instances = instances;
    this.#settings = settings;
  }

  async readFooters(paths: readonly string[]): Promise<readonly ParquetFooter[]> {
    return await this.#instances.use(
      { settings: this.#settings, optimizers: 'usual' },
      async (instance) =>
        await instance.fileLane.run(async (connection) => await this.#readAll(connection, paths)),
    );
  }

  async #readAll(
    connection: DuckDBConnection,
    paths: readonly string[],
  ): Promise<readonly ParquetFooter[]> {
    try {
      return await this.#read(connection, paths);
    } catch (error) {
      if (paths.length === 1) throw sourceError(error, paths);
      throw await firstError(paths, async (path) => await this.#read(connection, [path]));
    }
  }

  async #read(
    connection: DuckDBConnection,
    paths: readonly string[],
  ): Promise<readonly ParquetFooter[]> {
    const files = `[${paths.map(quoteString).join(', ')}]`;
    const schemas = await groupByFile(connection, schemaStatement(files));
    const chunks = await groupByFile(connection, chunkStatement(files));
    return paths.map((path) => ({
      columns: this.#intern(footerColumns(schemas.get(path) ?? [])),
      rowGroups: rowGroups(chunks.get(path) ?? []),
    }));
  }

  #intern(columns: readonly FooterColumn[]): readonly FooterColumn[] {
    const key = JSON.stringify(columns);
    const known = this.#columns.get(key);
    if (known !== undefined) return known;
    this.#columns.set(key, columns);
    return columns;
  }
}

type Row = readonly DuckDBValue[];

const schemaStatement = (files: string): string =>
  `SELECT file_name, name, coalesce(num_children, 0), concat_ws(' ', type, type_length,
     CASE repetition_type WHEN 'REPEATED' THEN 'REPEATED' END, converted_type, scale, precision, logical_type,
     duckdb_type), coalesce(duckdb_type, '')
   FROM parquet_schema(${files}) ORDER BY file_name, column_id`;

const chunkStatement = (files: string): string =>
  `SELECT file_name, row_group_id, row_group_num_rows, path_in_schema, total_compressed_size,
     stats_min_value, stats_max_value, stats_null_count, stats_distinct_count
   FROM parquet_metadata(${files}) ORDER BY file_name, row_group_id, column_id`;

async function groupByFile(
  connection: DuckDBConnection,
  sql: string,
): Promise<ReadonlyMap<string, readonly Row[]>> {
  const rows = (await connection.runAndReadAll(sql)).getRows();
  return groupBy(rows, (row) => String(row[0]));
}

function groupBy(rows: readonly Row[], keyOf: (row: Row) => string): ReadonlyMap<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group === undefined) groups.set(keyOf(row), [row]);
    else group.push(row);
  }
  return groups;
}

/** The schema as a list of its nodes, parents first, the root before all. Whether values may be NULL is no part of a type. */
function footerColumns(nodes: readonly Row[]): readonly FooterColumn[] {
  const columns: FooterColumn[] = [];
  let at = 1;
  while (at < nodes.length) {
    const name = String(nodes[at]?.[1]);
    const end = endOfNode(nodes, at);
    const types = nodes.slice(at, end).map((node) => String(node[3]));
    const nestedNames = nodes.slice(at + 1, end).map((node) => String(node[1]));
    const signature = [...types, ...nestedNames];
    const type = end === at + 1 ? String(nodes[at]?.[4]) : '';
    columns.push({ name, type, signature: signature.join(', ') });
    at = end;
  }
  return columns;
}

function endOfNode(nodes: readonly Row[], at: number): number {
  let end = at + 1;
  const childCount = Number(nodes[at]?.[2] ?? 0);
  for (let child = 0; child < childCount; child += 1) end = endOfNode(nodes, end);
  return end;
}

function rowGroups(rows: readonly Row[]): readonly FooterRowGroup[] {
  let firstRow = 0;
  return [...groupBy(rows, (row) => String(row[1])).values()].map((chunks) => {
    const rowCount = Number(chunks[0]?.[2] ?? 0);
    const group = { firstRow, rowCount, chunks: chunks.map(columnChunk) };
    firstRow += rowCount;
    return group;
  });
}

function columnChunk(row: Row): ColumnChunk {
  const [, , , path, compressedBytes, min, max, nullCount, distinctCount] = row;
  return {
    path: String(path),
    compressedBytes: Number(compressedBytes ?? 0),
    ...(typeof min === 'string' ? { min } : {}),
    ...(typeof max === 'string' ? { max } : {}),
    ...(typeof nullCount === 'bigint' ? { nullCount: Number(nullCount) } : {}),
    ...(typeof distinctCount === 'bigint' ? { distinctCount: Number(distinctCount) } : {}),
  };
}

async function firstError(
  paths: readonly string[],
  read: (path: string) => Promise<unknown>,
): Promise<Error> {
  for (const path of paths) {
    try {
      await read(path);
    } catch (error) {
      return sourceError(error, [path]);
    }
  }
  return new Error(`reading ${paths.length} footers failed, reading each of them did not`);
}
