/** Tables of the files connector: what they are called and which files they are. */
import { type FileFormat } from '../../common/plan/file-reading.ts';

/** A directory, or prefix of an object store, whose files are tables. The one without a name is the default catalog. */
export interface CatalogDirectory {
  /** In lower case; `''` for the default catalog. */
  readonly name: string;
  /** Absolute, without a slash at the end. */
  readonly directory: string;
}

/** Names as the catalog has them; SQL finds them in any case. */
export interface TableName {
  /** `''` for the default catalog. */
  readonly catalog: string;
  readonly schema: string;
  readonly table: string;
}

/** Of the tables that lie directly in a catalog's directory. */
export const MAIN_SCHEMA = 'main';

/** A file and the state it was seen in. Another size or time is another file. */
export interface FileIdentity {
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
}

export interface Table {
  readonly name: TableName;
  /** Of all its files. */
  readonly format: FileFormat;
  /** Sorted by path, so that columns are in the order of the same file each time. */
  readonly files: readonly FileIdentity[];
  /** Folders below the table's are called `key=value`, which are columns. */
  readonly isHivePartitioned: boolean;
}

export function sameFile(a: FileIdentity, b: FileIdentity): boolean {
  return a.path === b.path && a.sizeBytes === b.sizeBytes && a.modifiedAtMs === b.modifiedAtMs;
}

export function sameFiles(a: readonly FileIdentity[], b: readonly FileIdentity[]): boolean {
  return (
    a.length === b.length &&
    a.every((file, i) => {
      const other = b[i];
      return other !== undefined && sameFile(file, other);
    })
  );
}

/** `catalog.schema.table`, without the default catalog and without schema main. */
export function formatTableName({ catalog, schema, table }: TableName): string {
  const parts = [catalog, schema === MAIN_SCHEMA ? '' : schema, table];
  return parts.filter((part) => part !== '').join('.');
}
