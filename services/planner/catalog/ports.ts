import { type Column } from '../../common/plan/column-type.ts';
import { type ParquetFooter } from './parquet-footer.ts';
import { type FileIdentity, type Table } from './table.ts';

export interface DirectoryEntry {
  readonly name: string;
  readonly isDirectory: boolean;
}

/** Directories and files as the file system has them now. */
export interface FileTree {
  /** `undefined` when there is no such directory. */
  entriesOf(directory: string): Promise<readonly DirectoryEntry[] | undefined>;
  /** `undefined` when there is no such file. */
  identityOf(path: string): Promise<FileIdentity | undefined>;
}

/** Small files beside the tables' own. */
export interface TextFiles {
  /** `undefined` when there is no such file. */
  readText(path: string): Promise<string | undefined>;
}

/** Tells how a DuckDB hashes: rows that were dealt by another one are dealt otherwise. */
export interface HashFingerprints {
  ofDuckDB(): Promise<string>;
}

/** Lists objects of a store. */
export interface ObjectLister {
  /** All below the prefix. @throws EngineError SOURCE_NOT_FOUND, SOURCE_ACCESS_DENIED or SOURCE_READ_FAILED, naming it */
  listObjects(prefix: string): Promise<readonly FileIdentity[]>;
  /** The content of an object that there is. @throws EngineError as `listObjects` */
  readText(path: string): Promise<string>;
}

/** Reads the footers of Parquet files. */
export interface FooterReader {
  /**
   * One footer for each file, in order.
   * @throws EngineError SOURCE_CORRUPT, SOURCE_READ_FAILED or FILE_NOT_ALLOWED, naming the file
   */
  readFooters(paths: readonly string[]): Promise<readonly ParquetFooter[]>;
}

/** Tells the columns of a table, as DuckDB reads its files. */
export interface TableReader {
  /** @throws EngineError SOURCE_CORRUPT, SOURCE_READ_FAILED or FILE_NOT_ALLOWED, naming the file */
  columnsOf(table: Table): Promise<readonly Column[]>;
}
