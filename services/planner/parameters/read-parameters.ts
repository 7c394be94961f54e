import { EngineError } from '../../common/error.ts';
import { type Constant } from '../logical/expression.ts';
import { arrayReader } from './array-reader.ts';
import { BatchCursor } from './batch-cursor.ts';
import { type ArrowRows, type ArrowStream, readStream } from './ipc-stream.ts';
import { ReadBudget } from './read-budget.ts';

/** As large as a statement may be. */
const MAX_SIZE = 4 * 1024 * 1024;

/**
 * The values that a client sends with a statement, by name in lower case: the columns of an Arrow IPC stream of
 * one row. A stream without columns has no values, whatever its rows.
 * @throws EngineError INVALID_PARAMETER, naming the column where there is one
 */
export function readParameters(stream: Uint8Array): ReadonlyMap<string, Constant> {
  const { fields, rows } = explained('the parameters are not an Arrow IPC stream', () =>
    readStream(stream),
  );
  const parameters = new Map<string, Constant>();
  if (fields.length === 0) return parameters;
  const row = onlyRow(rows);
  const source = {
    cursor: new BatchCursor(row),
    dictionaries: row.dictionaries,
    budget: new ReadBudget(MAX_SIZE),
  };
  for (const field of fields) {
    const name = (field.name() ?? '').toLowerCase();
    if (parameters.has(name)) throw invalid(`there are two parameters ${name}`);
    const constant = explained(`the parameter ${name} cannot be used`, (): Constant => {
      const { type, read } = arrayReader(field, source);
      return { kind: 'constant', type, value: read(0) };
    });
    parameters.set(name, constant);
  }
  return parameters;
}

function onlyRow(rows: ArrowStream['rows']): ArrowRows {
  const rowCount = rows.reduce((sum, { batch }) => sum + batch.length(), 0n);
  const [row] = rows;
  if (row === undefined || rowCount !== 1n) {
    throw invalid(`the parameters have ${rowCount} rows, not one`);
  }
  return row;
}

/** Whatever is thrown while reading is about the client's bytes. */
function explained<T>(message: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw invalid(`${message}: ${reason}`, error);
  }
}

function invalid(message: string, cause?: unknown): EngineError {
  return new EngineError('INVALID_PARAMETER', message, { cause });
}
