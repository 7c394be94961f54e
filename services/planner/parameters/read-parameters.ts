import { type RecordBatch, RecordBatchReader } from 'apache-arrow';
import { EngineError } from '../../common/error.ts';
import { type Constant } from '../logical/expression.ts';
import { arrowReader } from './arrow-reader.ts';

/**
 * The values that a client sends with a statement, by name in lower case: the columns of an Arrow IPC stream of
 * one row. A stream without columns has no values, whatever its rows.
 * @throws EngineError INVALID_PARAMETER, naming the column where there is one
 */
export function readParameters(stream: Uint8Array): ReadonlyMap<string, Constant> {
  const { fields, row } = readRow(stream);
  const parameters = new Map<string, Constant>();
  for (const [index, field] of fields.entries()) {
    const name = field.name.toLowerCase();
    if (parameters.has(name)) throw invalid(`there are two parameters ${field.name}`);
    try {
      const column = row?.data.children[index];
      if (column === undefined) throw new Error('its column is missing');
      const { type, read } = arrowReader(field, column);
      parameters.set(name, { kind: 'constant', type, value: read(0) });
    } catch (error) {
      throw invalid(`the parameter ${field.name} cannot be used`, { cause: error, name });
    }
  }
  return parameters;
}

interface ParameterRow {
  readonly fields: RecordBatch['schema']['fields'];
  readonly row: RecordBatch | undefined;
}

function readRow(stream: Uint8Array): ParameterRow {
  const { fields, batches } = readStream(stream);
  const rowCount = batches.reduce((sum, { numRows }) => sum + numRows, 0);
  if (fields.length > 0 && rowCount !== 1) {
    throw invalid(`the parameters have ${rowCount} rows, not one`);
  }
  return { fields, row: batches.find(({ numRows }) => numRows === 1) };
}

function readStream(stream: Uint8Array): {
  readonly fields: ParameterRow['fields'];
  readonly batches: readonly RecordBatch[];
} {
  try {
    const reader = RecordBatchReader.from(stream).open();
    if (!reader.isStream()) throw new Error('it is a file');
    // The declared type has it always; a stream without a schema leaves it out, and one that is read to its end.
    const schema = reader.schema as typeof reader.schema | undefined;
    if (schema === undefined) throw new Error('it has no schema');
    return { fields: schema.fields, batches: [...reader] };
  } catch (error) {
    throw invalid('the parameters are not an Arrow IPC stream', { cause: error });
  }
}

/** Everything that is thrown while reading is about the client's bytes. */
function invalid(
  message: string,
  { cause, name }: { readonly cause?: unknown; readonly name?: string } = {},
): EngineError {
  const reason = cause instanceof Error ? `: ${cause.message}` : '';
  return new EngineError('INVALID_PARAMETER', message + reason, {
    cause,
    details: name === undefined ? {} : { parameter: name },
  });
}
