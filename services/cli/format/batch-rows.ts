import { DataType, type Field, type RecordBatch, type Schema } from 'apache-arrow';
import { cellReader, extensionOf } from './arrow-cells.ts';
import { childOf } from './arrow-data.ts';
import type { Cell } from './cell.ts';
import type { ResultColumn } from './result-format.ts';

export function columnsOf(schema: Schema): readonly ResultColumn[] {
  return schema.fields.map((field) => ({ name: field.name, isNumeric: isNumeric(field) }));
}

/** All rows of the batch, as cells. */
export function rowsOf(batch: RecordBatch): readonly (readonly Cell[])[] {
  // The library's stand-in for a stream without batches has no children to read.
  if (batch.numRows === 0) return [];
  const readers = batch.schema.fields.map((field, i) => cellReader(field, childOf(batch.data, i)));
  return Array.from({ length: batch.numRows }, (_, row) => readers.map((read) => read(row)));
}

const WIDE_NUMBERS: ReadonlySet<string | undefined> = new Set(['hugeint', 'uhugeint', 'bignum']);

function isNumeric(field: Field): boolean {
  const { type } = field;
  const isNumber = DataType.isInt(type) || DataType.isFloat(type) || DataType.isDecimal(type);
  return isNumber || WIDE_NUMBERS.has(extensionOf(field));
}
