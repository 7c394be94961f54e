import { EngineError } from '../../common/error.ts';
import {
  type PrunedCounts,
  type RowGroup,
  type ScanFile,
} from '../../common/plan/plan-fragment.ts';
import { type Expression } from '../logical/expression.ts';
import { type ScanColumn } from '../logical/logical-plan.ts';
import { type FooterRowGroup, type ParquetFooter } from './parquet-footer.ts';
import { type FileTree, type FooterReader } from './ports.ts';
import { pruneRowGroups } from './prune-row-groups.ts';
import { type FileIdentity, sameFile } from './table.ts';

/** What is read of some files. */
export interface FileScan {
  readonly files: readonly string[];
  readonly columns: readonly ScanColumn[];
  /** True of every row that is needed; over `columns`. */
  readonly predicates: readonly Expression[];
}

export interface ResolvedScan {
  readonly files: readonly ScanFile[];
  readonly pruned: PrunedCounts;
}

export interface ScanFilesDeps {
  readonly tree: FileTree;
  readonly footers: FooterReader;
  /** Footers that are kept, the longest unused dropped first. */
  readonly maxCachedFooters: number;
}

/** Scans as files and row groups, from footers that are cached by path, size and time. */
export class ScanFiles {
  readonly #deps: ScanFilesDeps;
  /** Ordered by use. */
  readonly #cache = new Map<
    string,
    { readonly identity: FileIdentity; readonly footer: ParquetFooter }
  >();

  constructor(deps: ScanFilesDeps) {
    this.#deps = deps;
  }

  /**
   * The files of a scan with the row groups that may hold a needed row; files without any are left out.
   * @throws EngineError SOURCE_NOT_FOUND, SOURCE_CORRUPT or SOURCE_SCHEMA_MISMATCH, naming file and column
   */
  async resolve(scan: FileScan): Promise<ResolvedScan> {
    const identities = await Promise.all(scan.files.map((path) => this.#identityOf(path)));
    const footers = await this.#footersOf(identities);
    const [first] = footers;
    let prunedRowGroups = 0;
    const files = footers.flatMap((footer, i) => {
      const identity = identities[i];
      if (identity === undefined || first === undefined) return [];
      expectSameSchema(first, footer, { file: identity.path, firstFile: scan.files[0] ?? '' });
      const kept = pruneRowGroups(footer.rowGroups, scan.predicates, scan.columns);
      prunedRowGroups += footer.rowGroups.length - kept.length;
      if (kept.length === 0) return [];
      return [{ ...identity, rowGroups: kept.map((group) => rowGroupOf(group, scan.columns)) }];
    });
    const pruned = { files: footers.length - files.length, rowGroups: prunedRowGroups };
    return { files, pruned };
  }

  async #identityOf(path: string): Promise<FileIdentity> {
    const identity = await this.#deps.tree.identityOf(path);
    if (identity !== undefined) return identity;
    throw new EngineError('SOURCE_NOT_FOUND', `the file ${path} is gone`, {
      details: { file: path },
    });
  }

  async #footersOf(identities: readonly FileIdentity[]): Promise<readonly ParquetFooter[]> {
    const unknown = identities.filter((identity) => this.#cached(identity) === undefined);
    const read =
      unknown.length === 0
        ? []
        : await this.#deps.footers.readFooters(unknown.map(({ path }) => path));
    const fresh = new Map(
      unknown.map((identity, i) => [identity.path, { identity, footer: read[i] }]),
    );
    return identities.map((identity) => {
      const footer = this.#cached(identity) ?? fresh.get(identity.path)?.footer;
      if (footer === undefined) throw new Error(`no footer of ${identity.path} was read`);
      this.#keep(identity, footer);
      return footer;
    });
  }

  #cached(identity: FileIdentity): ParquetFooter | undefined {
    const entry = this.#cache.get(identity.path);
    return entry !== undefined && sameFile(entry.identity, identity) ? entry.footer : undefined;
  }

  #keep(identity: FileIdentity, footer: ParquetFooter): void {
    this.#cache.delete(identity.path);
    this.#cache.set(identity.path, { identity, footer });
    if (this.#cache.size <= this.#deps.maxCachedFooters) return;
    const [oldest] = this.#cache.keys();
    if (oldest !== undefined) this.#cache.delete(oldest);
  }
}

/** DuckDB takes the first file's columns for those of all, and would find out while it reads. */
function expectSameSchema(
  first: ParquetFooter,
  other: ParquetFooter,
  files: { readonly file: string; readonly firstFile: string },
): void {
  if (first === other) return;
  const signatures = new Map(other.columns.map(({ name, signature }) => [name, signature]));
  const odd =
    first.columns.find(({ name, signature }) => signatures.get(name) !== signature) ??
    other.columns.find(({ name }) => !first.columns.some((column) => column.name === name));
  if (odd === undefined) return;
  throw new EngineError(
    'SOURCE_SCHEMA_MISMATCH',
    `column ${odd.name} of ${files.file} is not that of ${files.firstFile}, a file of the same table`,
    { details: { file: files.file, column: odd.name } },
  );
}

function rowGroupOf(group: FooterRowGroup, columns: readonly ScanColumn[]): RowGroup {
  const names = new Set(columns.filter(({ origin }) => origin === 'file').map(({ name }) => name));
  const bytes = group.chunks
    .filter(({ path }) => names.has(path) || names.has(path.split(', ', 1)[0] ?? path))
    .reduce((sum, chunk) => sum + chunk.compressedBytes, 0);
  return { firstRow: group.firstRow, rowCount: group.rowCount, bytes };
}
