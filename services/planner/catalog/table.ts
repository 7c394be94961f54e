/** Tables of the files connector: what they are called and which files they are. */

/** A directory whose Parquet files are tables. The catalog without a name is the default one. */
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
  readonly table: string;
}

/** A file and the state it was seen in. Another size or time is another file. */
export interface FileIdentity {
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
}

export interface Table {
  readonly name: TableName;
  /** Sorted by path, so that the first file, which gives the schema, is always the same one. */
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

/** `catalog.table`, or only the table in the default catalog. */
export function formatTableName({ catalog, table }: TableName): string {
  return catalog === '' ? table : `${catalog}.${table}`;
}
