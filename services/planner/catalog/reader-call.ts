import { type FileFormat } from '../../common/plan/file-reading.ts';

/** A call of DuckDB's reader of a text format, its options as SQL texts by their names in lower case. */
export interface ReaderCall {
  readonly format: Exclude<FileFormat, 'parquet'>;
  /** Files and patterns. */
  readonly paths: readonly string[];
  readonly options: ReadonlyMap<string, string>;
}

/** `name = value, …` */
export function writeOptions(options: Iterable<readonly [string, string]>): string {
  return [...options].map(([name, value]) => `${name} = ${value}`).join(', ');
}
