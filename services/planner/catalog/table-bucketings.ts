import { type ScanFile } from '../../common/plan/plan-fragment.ts';
import { type ScanBucketing } from '../distribution/scan-statistics.ts';
import { type ScanColumn } from '../logical/logical-plan.ts';
import { type FileCatalogs } from './file-catalogs.ts';
import { type HashFingerprints, type TextFiles } from './ports.ts';
import {
  BUCKETING_FILE,
  bucketOfFile,
  hashTypeOf,
  parseTableBucketing,
  type TableBucketing,
} from './table-bucketing.ts';

export interface TableBucketingsDeps {
  readonly catalogs: FileCatalogs;
  readonly texts: TextFiles;
  readonly fingerprints: HashFingerprints;
}

/** The buckets of the catalogs' tables, from the file in each table's folder. */
export class TableBucketings {
  readonly #deps: TableBucketingsDeps;

  constructor(deps: TableBucketingsDeps) {
    this.#deps = deps;
  }

  /**
   * What the files of a scan are buckets of; undefined when their table has none, or they were hashed by a DuckDB
   * that hashes otherwise than ours.
   * @throws EngineError TABLE_METADATA_INVALID, naming file and field
   */
  async bucketingOf(
    files: readonly ScanFile[],
    columns: readonly ScanColumn[],
  ): Promise<ScanBucketing | undefined> {
    const { catalogs, texts, fingerprints } = this.#deps;
    const folder = catalogs.folderOfFile(files[0]?.path ?? '');
    if (folder === undefined) return undefined;
    const file = `${folder}/${BUCKETING_FILE}`;
    const text = await texts.readText(file);
    if (text === undefined) return undefined;
    const bucketing = parseTableBucketing(text, file);
    const buckets = files.flatMap(({ path, rowGroups }) => {
      const bucket = bucketOfFile(bucketing, path.slice(folder.length + 1), file);
      return rowGroups.map(() => bucket);
    });
    const keys = keysOf(bucketing, columns, file);
    const isOurs = bucketing.hashFingerprint === (await fingerprints.ofDuckDB());
    if (keys === undefined || !isOurs) return undefined;
    return { columns: keys, bucketCount: bucketing.bucketCount, buckets };
  }
}

/** Undefined when the scan does not read all of them. */
function keysOf(
  bucketing: TableBucketing,
  columns: readonly ScanColumn[],
  file: string,
): ScanBucketing['columns'] | undefined {
  const keys = bucketing.columns.flatMap((key) => {
    const column = columns.find(({ name, origin }) => origin === 'file' && name === key.name);
    if (column === undefined) return [];
    return [{ name: key.name, hashType: hashTypeOf(key, column, file) }];
  });
  return keys.length === bucketing.columns.length ? keys : undefined;
}
