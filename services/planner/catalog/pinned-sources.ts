/**
 * Files that DuckDB reads by looking at them first: CSV and JSON. What it finds (columns, their types, how each
 * file is written) is pinned when a statement is planned, so that all tasks read the same thing. A plan names
 * the source by its id.
 */
import { type Column } from '../../common/plan/column-type.ts';
import { type FileFormat, type FileReading } from '../../common/plan/file-reading.ts';
import { type FileIdentity } from './table.ts';

export interface PinnedFile extends FileIdentity {
  readonly reading: FileReading;
  /** Values of the columns that its folders are. */
  readonly partition: ReadonlyMap<string, string | null>;
  readonly estimatedRows: number;
}

export interface PinnedSource {
  readonly format: FileFormat;
  /** As the user knows it, for messages. */
  readonly table: string;
  readonly columns: readonly Column[];
  readonly files: readonly PinnedFile[];
}

/** `<format>_<number>`. */
export type PinnedSourceId = string;

/** Plans are made and forgotten within seconds; views of tables that are older make their source anew. */
const MAX_SOURCES = 1_000;

export class PinnedSources {
  /** Ordered by use. */
  readonly #sources = new Map<PinnedSourceId, PinnedSource>();
  readonly #idsByKey = new Map<string, PinnedSourceId>();
  #count = 0;

  get(id: PinnedSourceId): PinnedSource | undefined {
    return this.#sources.get(id);
  }

  /** The source that was pinned under this key: everything that it follows from, states of its files included. */
  find(key: string): PinnedSourceId | undefined {
    const id = this.#idsByKey.get(key);
    const source = id === undefined ? undefined : this.#sources.get(id);
    if (id === undefined || source === undefined) return undefined;
    this.#sources.delete(id);
    this.#sources.set(id, source);
    return id;
  }

  add(key: string, source: PinnedSource): PinnedSourceId {
    this.#count += 1;
    const id = `${source.format}_${this.#count}`;
    this.#sources.set(id, source);
    this.#idsByKey.set(key, id);
    if (this.#sources.size > MAX_SOURCES) this.#dropOldest();
    return id;
  }

  #dropOldest(): void {
    const [oldest = ''] = this.#sources.keys();
    this.#sources.delete(oldest);
    for (const [key, id] of this.#idsByKey) if (id === oldest) this.#idsByKey.delete(key);
  }
}
