import type { Column } from '../../common/plan/column-type.ts';
import { EngineError } from '../../common/error.ts';
import type { ScanInput } from '../../common/plan/plan-fragment.ts';

export interface SourceFault {
  readonly scan: ScanInput;
  readonly path: string;
  readonly column?: Column;
  readonly cause?: unknown;
}

export type SourceErrorCode =
  | 'SOURCE_NOT_FOUND'
  | 'SOURCE_READ_FAILED'
  | 'SOURCE_CHANGED'
  | 'SOURCE_CORRUPT'
  | 'SOURCE_SCHEMA_MISMATCH';

/** Names the table, the file and, where it is known, the column. */
export function sourceError(
  code: SourceErrorCode,
  message: string,
  fault: SourceFault,
): EngineError {
  const { scan, path, column, cause } = fault;
  const ofColumn = column === undefined ? {} : { column: column.name };
  const details = { table: scan.table, file: path, ...ofColumn };
  return new EngineError(code, message, { details, cause });
}
