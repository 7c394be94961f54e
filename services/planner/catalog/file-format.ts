import { type FileFormat } from '../../common/plan/file-reading.ts';

/** Ends of file names, without the compression that DuckDB undoes by itself. */
const FORMATS: readonly { readonly format: FileFormat; readonly end: RegExp }[] = [
  { format: 'parquet', end: /\.parquet$/i },
  { format: 'csv', end: /\.(?:csv|tsv)(?:\.gz|\.zst)?$/i },
  { format: 'json', end: /\.(?:json|ndjson|jsonl)(?:\.gz|\.zst)?$/i },
];

/** What a file's name says of it; `undefined` of a file that is no data. */
export function dataFileOf(
  name: string,
): { readonly format: FileFormat; readonly stem: string } | undefined {
  const found = FORMATS.find(({ end }) => end.test(name));
  return found && { format: found.format, stem: name.replace(found.end, '') };
}

export function isCompressed(path: string): boolean {
  return /\.(?:gz|zst)$/i.test(path);
}

/** A folder `key=value`, whose key is a column of the files below it. */
const HIVE_FOLDER = /^([^=]+)=(.*)$/;
/** How Hive writes NULL. */
const HIVE_NULL = '__HIVE_DEFAULT_PARTITION__';

export function isHiveFolder(name: string): boolean {
  return HIVE_FOLDER.test(name);
}

/** Partition columns of a file, by its folders. */
export function hiveValues(path: string): ReadonlyMap<string, string | null> {
  const values = new Map<string, string | null>();
  for (const folder of path.split('/').slice(0, -1)) {
    const [, key, text = ''] = HIVE_FOLDER.exec(folder) ?? [];
    if (key !== undefined) values.set(key, text === HIVE_NULL ? null : unescaped(text));
  }
  return values;
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
