import { type DataType } from 'apache-arrow';
import { type ColumnType } from '../../common/plan/column-type.ts';
import { type Datum } from '../logical/datum.ts';

/** DuckDB's type of an Arrow array, and its values by row. Errors have messages that users may read. */
export interface ArrowReader {
  readonly type: ColumnType;
  read(row: number): Datum;
}

export function unsupported(type: DataType): Error {
  return new Error(`the Arrow type ${String(type)} is not supported`);
}
