/**
 * One output of a simulated task: Trino's token and acknowledge protocol (scheduling.md §4) over pages of rows. A read at
 * token t frees what is before t; what was sent and not acknowledged is sent again.
 */
import type {
  OutputBuffers,
  OutputBufferStatus,
} from '../../../services/common/task/output-buffers.ts';
import type { OutputBufferId } from '../../../services/common/ids.ts';
import { partitionOf } from '../rows.ts';
import type { Row } from '../rows.ts';

export type Page = readonly Row[];

export type FetchReply =
  | {
      readonly kind: 'pages';
      readonly token: number;
      readonly pages: readonly Page[];
      readonly isComplete: boolean;
    }
  /** Nothing to say yet: ask again. */
  | { readonly kind: 'wait' }
  /** The task failed or its process is another one: the pages are gone. */
  | { readonly kind: 'lost' };

interface Reader {
  /** Token of the first page in `pages`. */
  token: number;
  pages: Page[];
  isDestroyed: boolean;
}

const PAGES_PER_REPLY = 3;

export class SimulatedOutput {
  readonly #capacityRows: number;
  readonly #salt: number;
  #buffers: OutputBuffers | undefined;
  readonly #readers = new Map<OutputBufferId, Reader>();
  /** Broadcast: all pages, for readers to come. Arbitrary: pages that nobody has taken. */
  #shared: Page[] = [];
  /** Destroyed by readers that were faster than their declaration. */
  readonly #destroyedEarly = new Set<OutputBufferId>();
  #hasAllPages = false;
  #isClosed = false;
  #isReleased = false;
  #isDamaged = false;

  /** `salt`: deals the rows otherwise than another attempt does. */
  constructor(capacityRows: number, salt = 0) {
    this.#salt = salt;
    this.#capacityRows = capacityRows;
  }

  /** Takes a newer declaration; an older or equal one is ignored. */
  declare(buffers: OutputBuffers): void {
    for (const id of buffers.abandonedBufferIds ?? []) this.destroy(id);
    if (this.#buffers !== undefined && buffers.version <= this.#buffers.version) return;
    this.#buffers = buffers;
    for (const id of buffers.bufferIds) {
      if (this.#readers.has(id)) continue;
      const isDestroyed = this.#destroyedEarly.has(id);
      const pages = buffers.kind === 'broadcast' && !isDestroyed ? [...this.#shared] : [];
      this.#readers.set(id, { token: 0, pages, isDestroyed });
    }
  }

  /** Kept when the task has ended, and read again by whoever asks, until it is released. */
  get isStored(): boolean {
    return (this.#buffers?.retention ?? 'streaming') !== 'streaming';
  }

  get isSpooled(): boolean {
    return this.#buffers?.retention === 'spooled';
  }

  get isReleased(): boolean {
    return this.#isReleased;
  }

  /** Its pages cannot be read, though nobody has released them. */
  damage(): void {
    this.#isDamaged = true;
  }

  /** Its pages are gone. */
  release(): void {
    this.#isReleased = true;
    this.close();
  }

  add(page: Page): void {
    if (page.length === 0 || this.#hasAllPages || this.#isClosed) return;
    switch (this.#buffers?.kind) {
      case 'partitioned':
        this.#scatter(page);
        break;
      case 'broadcast':
        this.#shared.push(page);
        for (const reader of this.#readers.values())
          if (!reader.isDestroyed) reader.pages.push(page);
        break;
      case 'arbitrary':
        if (this.isStored) this.#readers.get(0 as OutputBufferId)?.pages.push(page);
        else this.#shared.push(page);
        break;
      default:
        throw new Error('pages before the declaration of the buffers');
    }
  }

  endPages(): void {
    this.#hasAllPages = true;
  }

  /** Readers see an end (cancel). */
  close(): void {
    this.#isClosed = true;
    this.#shared = [];
    for (const reader of this.#readers.values()) reader.pages = [];
  }

  fetch(id: OutputBufferId, token: number): FetchReply {
    if (this.#isReleased) return { kind: 'lost' };
    if (this.isStored) return this.#fetchStored(id, token);
    if (this.#isClosed) return { kind: 'pages', token, pages: [], isComplete: true };
    const reader = this.#readers.get(id);
    if (reader === undefined) return { kind: 'wait' };
    if (reader.isDestroyed) return { kind: 'pages', token, pages: [], isComplete: true };
    if (token < reader.token)
      return { kind: 'pages', token: reader.token, pages: [], isComplete: false };
    reader.pages.splice(0, token - reader.token);
    reader.token = token;
    if (this.#buffers?.kind === 'arbitrary' && reader.pages.length === 0) {
      reader.pages.push(...this.#shared.splice(0, 1));
    }
    const pages = reader.pages.slice(0, PAGES_PER_REPLY);
    const isComplete = this.#hasAllPages && pages.length === 0;
    return pages.length > 0 || isComplete
      ? { kind: 'pages', token, pages, isComplete }
      : { kind: 'wait' };
  }

  #fetchStored(id: OutputBufferId, token: number): FetchReply {
    if (!this.#hasAllPages) return { kind: 'wait' };
    if (this.#isDamaged) return { kind: 'lost' };
    const pages = this.#readers.get(id)?.pages.slice(token, token + PAGES_PER_REPLY) ?? [];
    return { kind: 'pages', token, pages, isComplete: pages.length === 0 };
  }

  destroy(id: OutputBufferId): void {
    if (this.isStored) return;
    const reader = this.#readers.get(id);
    if (reader === undefined) return void this.#destroyedEarly.add(id);
    reader.isDestroyed = true;
    reader.pages = [];
  }

  isFull(): boolean {
    return !this.isStored && this.#bufferedRows() >= this.#capacityRows;
  }

  /** Everything was read, by everybody who ever will. */
  isDone(): boolean {
    if (this.isStored) return this.#hasAllPages;
    const all = [...this.#readers.values()].every((reader) => reader.isDestroyed);
    return this.#isClosed || (this.#hasAllPages && this.#buffers?.noMoreBufferIds === true && all);
  }

  status(): OutputBufferStatus {
    const rows = this.#bufferedRows();
    const utilization = this.isStored ? 0 : rows / this.#capacityRows;
    const isPartitioned = this.#buffers?.kind === 'partitioned';
    return {
      state: this.#hasAllPages ? 'flushing' : 'open',
      bufferedBytes: this.isStored ? 0 : rows * 8,
      utilization,
      overutilized: isPartitioned ? utilization >= 1 : utilization >= 0.5,
      ...(this.isStored && this.#hasAllPages ? { storedBytes: this.#storedBytes() } : {}),
    };
  }

  /** All rows, if no reader has taken any yet; they leave with the final status then. */
  takeAllPages(): readonly Page[] | undefined {
    const readers = [...this.#readers.values()];
    if (readers.some((reader) => reader.token > 0 || reader.isDestroyed)) return undefined;
    return readers.flatMap((reader) => reader.pages);
  }

  #scatter(page: Page): void {
    const ids = this.#buffers?.bufferIds ?? [];
    for (const id of ids) {
      const rows =
        ids.length === 1
          ? page
          : page.filter((row) => (partitionOf(row, ids.length) + this.#salt) % ids.length === id);
      const reader = this.#readers.get(id);
      if (rows.length > 0 && reader?.isDestroyed === false) reader.pages.push(rows);
    }
  }

  #storedBytes(): readonly number[] {
    const ids = this.#buffers?.bufferIds ?? [];
    return ids.map((id) => 8 * (this.#readers.get(id)?.pages.flat().length ?? 0));
  }

  #bufferedRows(): number {
    const readers = [...this.#readers.values()];
    const sizeOf = (pages: readonly Page[]) => pages.reduce((sum, page) => sum + page.length, 0);
    const read = readers.map((reader) => sizeOf(reader.pages));
    switch (this.#buffers?.kind) {
      case 'broadcast':
        // Kept whole for late readers until all are known; then until the slowest has it.
        return this.#buffers.noMoreBufferIds ? Math.max(0, ...read) : sizeOf(this.#shared);
      case 'arbitrary':
        return sizeOf(this.#shared) + read.reduce((sum, rows) => sum + rows, 0);
      default:
        return read.reduce((sum, rows) => sum + rows, 0);
    }
  }
}
