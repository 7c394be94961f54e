import { type DuckDBConnection, DuckDBTableFunction, VARCHAR } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { toLogicalType } from '../../common/duckdb/duckdb-type.ts';
import { type PinnedSources } from '../catalog/pinned-sources.ts';
import { PINNED_SCAN } from '../import/decode-scan.ts';

/**
 * Registers `pinned_scan(id)`, which has the columns of a pinned source. DuckDB's own readers of text do not
 * serialize, so plans are made over this function in their place; nobody runs it.
 */
export function registerPinnedScan(connection: DuckDBConnection, sources: PinnedSources): void {
  const scan = new DuckDBTableFunction();
  scan.setName(PINNED_SCAN);
  scan.addParameter(VARCHAR);
  scan.setSupportsProjectionPushdown(true);
  duckdb.table_function_set_bind(scan.table_function, (info) => {
    const id = duckdb.get_varchar(duckdb.bind_get_parameter(info, 0));
    const source = sources.get(id);
    if (source === undefined) throw new Error(`no pinned source ${id}`);
    for (const { name, type } of source.columns) {
      duckdb.bind_add_result_column(info, name, toLogicalType(type));
    }
    const rows = source.files.reduce((sum, { estimatedRows }) => sum + estimatedRows, 0);
    duckdb.bind_set_cardinality(info, rows, false);
  });
  scan.setInitFunction(() => undefined);
  scan.setMainFunction((_info, chunk) => {
    chunk.rowCount = 0;
  });
  connection.registerTableFunction(scan);
}
