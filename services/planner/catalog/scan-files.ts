import { formatColumnType } from '../../common/plan/column-type.ts';
import { EngineError } from '../../common/error.ts';
import {
  type PrunedCounts,
  type RowGroup,
  type ScanFile,
} from '../../common/plan/plan-fragment.ts';
import { type ScanStatistics } from '../distribution/scan-statistics.ts';
import { type Expression } from '../logical/expression.ts';
import { type ParquetOptions, type ScanColumn } from '../logical/logical-plan.ts';
import { type FooterRowGroup, type ParquetFooter } from './parquet-footer.ts';
import { hasColumn, parquetReading, textConflict } from './parquet-schema.ts';
import { type PinnedFile, type PinnedSource } from './pinned-sources.ts';
import { type FileTree, type FooterReader } from './ports.ts';
import { pruneRowGroups } from './prune-row-groups.ts';
import { scanStatistics } from './scan-statistics.ts';
import { type FileIdentity, sameFile } from './table.ts';

/** What is read of some Parquet files. */
export interface FileScan {
  readonly files: readonly string[];
  readonly columns: readonly ScanColumn[];
  /** True of every row that is needed; over `columns`. */
  readonly predicates: readonly Expression[];
  readonly options: ParquetOptions;
  /** Files of one table of a catalog: a column of text in one and of something else in another is a mistake. */
  readonly isTable: boolean;
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
   * The files of a scan with the row groups that may hold a needed row; files without any are left out. Only
   * columns that are read are looked at, as DuckDB does.
   * @throws EngineError SOURCE_NOT_FOUND, SOURCE_CORRUPT or SOURCE_SCHEMA_MISMATCH, naming file and column
   */
  async resolve(scan: FileScan): Promise<ResolvedScan> {
    const identities = await Promise.all(scan.files.map((path) => this.#identityOf(path)));
    const footers = await this.footersOf(identities);
    const described = footers.map((footer, i) => ({ footer, path: scan.files[i] ?? '' }));
    expectReadColumns(scan, described);
    let prunedRowGroups = 0;
    const files = footers.flatMap((footer, i) => {
      const identity = identities[i];
      if (identity === undefined) return [];
      const kept = pruneRowGroups(prunable(footer, scan), scan.predicates, scan.columns);
      prunedRowGroups += footer.rowGroups.length - kept.length;
      if (kept.length === 0) return [];
      const reading = parquetReading(scan, { path: identity.path, footer });
      const rowGroups = kept.map((group) => rowGroupOf(group, scan.columns));
      return [{ ...identity, rowGroups, ...(reading === undefined ? {} : { reading }) }];
    });
    const pruned = { files: footers.length - files.length, rowGroups: prunedRowGroups };
    return { files, pruned };
  }

  /**
   * What the footers say of the row groups of a resolved scan.
   * @throws EngineError as `resolve` does
   */
  async statisticsOf(
    files: readonly ScanFile[],
    columns: readonly ScanColumn[],
  ): Promise<ScanStatistics> {
    const footers = await this.footersOf(files);
    const described = files.flatMap((file, i) => {
      const footer = footers[i];
      return footer === undefined ? [] : [{ file, footer }];
    });
    return scanStatistics(described, columns);
  }

  /** @throws EngineError as `resolve` does */
  async footersOf(identities: readonly FileIdentity[]): Promise<readonly ParquetFooter[]> {
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

  async #identityOf(path: string): Promise<FileIdentity> {
    const identity = await this.#deps.tree.identityOf(path);
    if (identity !== undefined) return identity;
    throw new EngineError('SOURCE_NOT_FOUND', `the file ${path} is gone`, {
      details: { file: path },
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

interface DescribedFile {
  readonly path: string;
  readonly footer: ParquetFooter;
}

/** DuckDB finds out while it reads; here a query fails before it runs. */
function expectReadColumns(scan: FileScan, files: readonly DescribedFile[]): void {
  const columns = scan.columns.filter(({ origin }) => origin === 'file');
  for (const { name } of columns) {
    const conflict = scan.isTable ? textConflict(files, name) : undefined;
    if (conflict !== undefined) throw schemaMismatch(name, conflict);
    if (scan.options.unionByName) continue;
    const [first, ...others] = files;
    const lacking = others.find(({ footer }) => !hasColumn(footer, name));
    if (first === undefined || lacking === undefined || !hasColumn(first.footer, name)) continue;
    throw schemaMismatch(name, { odd: lacking.path, usual: first.path });
  }
}

function schemaMismatch(
  column: string,
  files: { readonly odd: string; readonly usual: string },
): EngineError {
  return new EngineError(
    'SOURCE_SCHEMA_MISMATCH',
    `column ${column} of ${files.odd} is not that of ${files.usual}, which is read with it`,
    { details: { file: files.odd, column } },
  );
}

/** Row groups with only such statistics as mean what the plan means: of columns that have its very type. */
function prunable(
  footer: ParquetFooter,
  { columns, predicates }: FileScan,
): readonly FooterRowGroup[] {
  if (predicates.length === 0) return footer.rowGroups;
  const typesInFile = new Map(footer.columns.map(({ name, type }) => [name, type]));
  const foreign = new Set(
    columns
      .filter(({ name, type }) => typesInFile.get(name) !== formatColumnType(type))
      .map(({ name }) => name),
  );
  if (foreign.size === 0) return footer.rowGroups;
  return footer.rowGroups.map((group) => ({
    ...group,
    chunks: group.chunks.map((chunk) => {
      if (!foreign.has(chunk.path)) return chunk;
      const { path, compressedBytes } = chunk;
      return { path, compressedBytes };
    }),
  }));
}

function rowGroupOf(group: FooterRowGroup, columns: readonly ScanColumn[]): RowGroup {
  const names = new Set(columns.filter(({ origin }) => origin === 'file').map(({ name }) => name));
  const bytes = group.chunks
    .filter(({ path }) => names.has(path) || names.has(path.split(', ', 1)[0] ?? path))
    .reduce((sum, chunk) => sum + chunk.compressedBytes, 0);
  return { firstRow: group.firstRow, rowCount: group.rowCount, bytes };
}

/** The files of a pinned source that may hold a needed row, by the values of their folders. */
export function resolvePinned(
  { files }: PinnedSource,
  columns: readonly ScanColumn[],
  predicates: readonly Expression[],
): ResolvedScan {
  const kept = files.filter((file) => mayMatter(file, columns, predicates));
  const prunedCount = files.length - kept.length;
  return { files: kept.map(scanFileOf), pruned: { files: prunedCount, rowGroups: prunedCount } };
}

function mayMatter(
  { partition, estimatedRows, sizeBytes }: PinnedFile,
  columns: readonly ScanColumn[],
  predicates: readonly Expression[],
): boolean {
  const chunks = [...partition].map(([path, value]) => ({
    path,
    compressedBytes: sizeBytes,
    ...(value === null ? { nullCount: estimatedRows } : { min: value, max: value, nullCount: 0 }),
  }));
  const whole = { firstRow: 0, rowCount: estimatedRows, chunks };
  return pruneRowGroups([whole], predicates, columns).length > 0;
}

function scanFileOf(file: PinnedFile): ScanFile {
  const { path, sizeBytes, modifiedAtMs, reading, estimatedRows } = file;
  const rowGroups = [{ firstRow: 0, rowCount: estimatedRows, bytes: sizeBytes }];
  return { path, sizeBytes, modifiedAtMs, rowGroups, reading };
}
