/** What the Parquet files of one scan have in common, by their footers. */
import { quoteString } from '../../common/plan/column-type.ts';
import { type FileReading } from '../../common/plan/file-reading.ts';
import { type ParquetOptions, type ScanColumn } from '../logical/logical-plan.ts';
import { hiveValues } from './file-format.ts';
import { type FooterColumn, type ParquetFooter } from './parquet-footer.ts';

const TEXT = 'VARCHAR';

/** DuckDB finds columns by name in any case. */
function columnOf({ columns }: ParquetFooter, name: string): FooterColumn | undefined {
  const exact = columns.find((column) => column.name === name);
  if (exact !== undefined) return exact;
  const lower = name.toLowerCase();
  return columns.find((column) => column.name.toLowerCase() === lower);
}

export function hasColumn(footer: ParquetFooter, name: string): boolean {
  return columnOf(footer, name) !== undefined;
}

/** Whether DuckDB reads all files as the first one: they have the same columns, in whatever order. */
export function haveSameColumns(footers: readonly ParquetFooter[]): boolean {
  const [first, ...others] = [...new Set(footers.map(({ columns }) => columns))];
  if (first === undefined) return true;
  return others.every(
    (columns) =>
      columns.length === first.length &&
      first.every(({ name, signature }) =>
        columns.some((column) => column.name === name && column.signature === signature),
      ),
  );
}

interface NamedFooter {
  readonly path: string;
  readonly footer: ParquetFooter;
}

/**
 * The first file that has text where the files before it have something else, or the reverse. DuckDB would make
 * text of all of it; in the files of one table that is a mistake and no widening.
 */
export function textConflict(
  files: readonly NamedFooter[],
  name: string,
): { readonly odd: string; readonly usual: string; readonly usualType: string } | undefined {
  let usual: { readonly path: string; readonly type: string } | undefined;
  for (const { path, footer } of files) {
    const type = columnOf(footer, name)?.type;
    if (type === undefined) continue;
    usual ??= { path, type };
    if ((usual.type === TEXT) !== (type === TEXT)) {
      return { odd: path, usual: usual.path, usualType: usual.type };
    }
  }
  return undefined;
}

interface ReadFile {
  readonly path: string;
  readonly footer: ParquetFooter;
}

interface FilesRead {
  readonly columns: readonly ScanColumn[];
  readonly options: ParquetOptions;
}

/** How to read one of the files alone as DuckDB reads them together; `undefined`: as it is. */
export function parquetReading(
  { columns, options }: FilesRead,
  { path, footer }: ReadFile,
): FileReading | undefined {
  const folders = hiveValues(path);
  const missing = columns.filter(({ name, origin }) => {
    const isElsewhere =
      name === options.filenameColumn || (options.hivePartitioning && hasKey(folders, name));
    return origin === 'file' && !isElsewhere && !hasColumn(footer, name);
  });
  const texts = [
    ...(options.binaryAsString ? ['binary_as_string = true'] : []),
    ...(options.filenameColumn === undefined
      ? []
      : [`filename = ${quoteString(options.filenameColumn)}`]),
    ...(folders.size === 0 ? [] : [hiveOptions(options.hivePartitioning)]),
  ];
  if (missing.length === 0 && texts.length === 0) return undefined;
  return { options: texts.join(', '), missing: missing.map(({ name }) => name) };
}

function hasKey(folders: ReadonlyMap<string, unknown>, name: string): boolean {
  return [...folders.keys()].some((key) => key.toLowerCase() === name.toLowerCase());
}

/** Partition values as the texts they are: a single file's do not tell the type that all of them have. */
export function hiveOptions(isPartitioned: boolean): string {
  return isPartitioned
    ? 'hive_partitioning = true, hive_types_autocast = false'
    : 'hive_partitioning = false';
}
