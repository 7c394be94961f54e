/** How a file is read, as the planner found it out: so all tasks read alike, and none looks at the file to guess. */

export const FILE_FORMATS = ['parquet', 'csv', 'json'] as const;

export type FileFormat = (typeof FILE_FORMATS)[number];

export function parseFileFormat(text: string): FileFormat | undefined {
  return FILE_FORMATS.find((format) => format === text);
}

export interface FileReading {
  /** Options of DuckDB's reader of the format, as SQL, separated by commas: dialect, columns and their types … */
  readonly options: string;
  /** Columns of the table that the file lacks: they are NULL in all of its rows. */
  readonly missing: readonly string[];
}
