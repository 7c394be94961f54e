/** The DuckDB instance of a slot's thread: opened for one profile, with the functions of the worker. */
import duckdb from '@duckdb/node-bindings';
import { EMIT_ROWS } from './fragment-statement.ts';

/** What `emit_rows` calls with each chunk of the running statement. */
export type RowSink = (chunk: duckdb.DataChunk) => void;

/** Registers `emit_rows`; once per instance, since functions cannot be dropped. */
export function registerEmitRows(connection: duckdb.Connection, sink: RowSink): void {
  const emit = duckdb.create_scalar_function();
  duckdb.scalar_function_set_name(emit, EMIT_ROWS);
  duckdb.scalar_function_set_varargs(emit, duckdb.create_logical_type(duckdb.Type.ANY));
  duckdb.scalar_function_set_return_type(emit, duckdb.create_logical_type(duckdb.Type.BOOLEAN));
  // Rows with NULLs are rows; and no call may be folded, repeated or left out.
  duckdb.scalar_function_set_special_handling(emit);
  duckdb.scalar_function_set_volatile(emit);
  duckdb.scalar_function_set_function(emit, (_info, chunk) => sink(chunk));
  duckdb.register_scalar_function(connection, emit);
}
