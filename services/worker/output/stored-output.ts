import type { Clock } from '../../common/clock.ts';
import { Doorbell } from '../../common/doorbell.ts';
import { EngineError } from '../../common/error.ts';
import type { PageReply, PageRequest } from '../../common/exchange/page-source.ts';
import type { OutputBufferId } from '../../common/ids.ts';
import type { Page } from '../../common/page/page.ts';
import type { Random } from '../../common/random.ts';
import type {
  OutputBufferKind,
  OutputBuffers,
  OutputBufferState,
  OutputBufferStatus,
  OutputRetention,
} from '../../common/task/output-buffers.ts';
import { readWaitMs } from './client-buffer.ts';
import type { Output } from './output.ts';
import type { OutputBufferTransition } from './output-buffer-state.ts';
import { acceptsPages, isEnded, nextOutputBufferState } from './output-buffer-state.ts';
import { pagesUpTo } from './page-file.ts';
import type { OpenPageFile, StoredPage } from './page-file.ts';
import type { PageMemoryPool } from './page-memory-pool.ts';
import { storedFileName } from './spool.ts';
import { StoredPages } from './stored-pages.ts';

export type StoredRetention = Exclude<OutputRetention, 'streaming'>;

export interface StoredOutputOptions {
  readonly kind: OutputBufferKind;
  readonly retention: StoredRetention;
  /** The task, as it is written. */
  readonly task: string;
  readonly outputIndex: number;
  /** Of the task: where the dealing of an arbitrary output begins. */
  readonly partition: number;
  readonly memory: PageMemoryPool;
  /** Of this worker's disk, or of the spool. */
  readonly openPageFile: OpenPageFile;
  readonly clock: Clock;
  readonly random: Random;
  /** State or fullness may have changed. */
  readonly onChange: () => void;
}

/** Pages that may wait to be written. */
const MAX_QUEUED_BYTES = 8 << 20;

/**
 * One output whose pages are kept in a file, of this worker (retention `retained`) or of the spool. It is finished when all are written,
 * whether or not anybody reads, and stays until it is released. Each buffer may be read from token 0 as often as wanted,
 * by several readers at once, also while pages are still added: acknowledging and destroying free nothing.
 *
 * - partitioned: page → the buffer of its partition.
 * - broadcast: one copy; whichever buffer is asked for.
 * - arbitrary: pages are dealt to the buffers in turn, for a page that was read cannot be kept from another reader. Tasks
 *   begin with different buffers.
 *
 * An output that ended before all its pages were written never looks finished: it is dropped, and its readers wait in
 * vain. One that was released, or whose file is damaged, answers OUTPUT_PAGE_LOST.
 */
export class StoredOutput implements Output {
  readonly #options: StoredOutputOptions;
  readonly #pages: StoredPages;
  readonly #news = new Doorbell();
  #version = -1;
  #bufferIds: readonly OutputBufferId[] = [];
  #dealtCount = 0;
  #state: OutputBufferState = 'open';
  #failure: unknown;
  /** Bytes of each buffer, once all pages are written. */
  #sizes: readonly number[] | undefined;
  #isReleased = false;

  constructor(options: StoredOutputOptions) {
    this.#options = options;
    const { task, outputIndex, retention, openPageFile, memory } = options;
    this.#pages = new StoredPages({
      name: storedFileName(task, outputIndex),
      // Without a file in the spool nobody could tell an empty output from a lost one.
      keepsEmpty: retention === 'spooled',
      openPageFile,
      memory,
      onStored: () => this.#onStored(),
      onFailure: (error) => this.#onFailure(error),
    });
  }

  get retention(): StoredRetention {
    return this.#options.retention;
  }

  get state(): OutputBufferState {
    return this.#state;
  }

  get status(): OutputBufferStatus {
    const bufferedBytes = this.#pages.queuedBytes;
    return {
      state: this.#state,
      bufferedBytes,
      utilization: bufferedBytes / MAX_QUEUED_BYTES,
      // Readers cannot be too slow for it (T25).
      overutilized: false,
      ...(this.#sizes === undefined ? {} : { storedBytes: this.#sizes }),
    };
  }

  /** Too much waits to be written. An output with nothing to write never is full, so that there is always progress. */
  get isFull(): boolean {
    if (!acceptsPages(this.#state)) return false;
    const { queuedBytes } = this.#pages;
    return queuedBytes > MAX_QUEUED_BYTES || (queuedBytes > 0 && this.#options.memory.isFull);
  }

  get isGone(): boolean {
    return this.#isReleased || (isEnded(this.#state) && this.#state !== 'finished');
  }

  /** Why the pages could not be written. */
  get failure(): unknown {
    return this.#failure;
  }

  get storedBytes(): number {
    return this.#pages.storedBytes;
  }

  declare(update: OutputBuffers): void {
    if (update.version <= this.#version || isEnded(this.#state)) return;
    this.#checkDeclaration(update);
    this.#version = update.version;
    this.#bufferIds = update.bufferIds;
    this.#enter('no-more-buffers');
    this.#options.onChange();
  }

  addPage(page: Page, partition: number): void {
    if (!acceptsPages(this.#state)) return;
    this.#pages.add(page, this.#listFor(partition));
    this.#options.onChange();
  }

  noMorePages(): void {
    if (!acceptsPages(this.#state)) return;
    this.#enter('no-more-pages');
    this.#pages.seal(this.#bufferIds.map((id) => this.#listOf(id)));
    this.#options.onChange();
  }

  /** As of a ClientBuffer, but that no page is ever gone. */
  async read(id: OutputBufferId, request: PageRequest, signal: AbortSignal): Promise<PageReply> {
    const list = this.#listOf(id);
    const { token, maxBytes } = request;
    await this.#untilReadable(list, token, signal);
    if (this.#isReleased) throw this.#lost('released by the coordinator');
    if (isEnded(this.#state) && this.#state !== 'finished') return nothingAt(token);
    const pages = this.#pages.listed(list);
    if (token > pages.length) {
      throw new EngineError('TASK_MISMATCH', `page ${token} of ${pages.length} is asked for`);
    }
    const wanted = pagesUpTo(maxBytes, pages, token);
    const complete = this.#state === 'finished' && token + wanted.length === pages.length;
    return { token, pages: await this.#readPages(wanted), complete, isOwned: true };
  }

  acknowledge(id: OutputBufferId): void {
    this.#listOf(id);
  }

  destroyBuffer(id: OutputBufferId): void {
    this.#listOf(id);
  }

  /** Its task was cancelled before its end: what is written is not all, so no reader may see an end. */
  destroy(): void {
    this.#drop('abort');
  }

  abort(): void {
    this.#drop('abort');
  }

  /** Nobody will read it again: the file goes. Repeating it is harmless. */
  release(): void {
    if (this.isGone) return;
    this.#isReleased = true;
    if (!isEnded(this.#state)) this.#enter('abort');
    this.#removeFile();
  }

  #drop(transition: 'abort' | 'fail'): void {
    if (isEnded(this.#state)) return;
    this.#enter(transition);
    this.#removeFile();
  }

  #removeFile(): void {
    void this.#pages.remove();
    this.#news.ring();
    this.#options.onChange();
  }

  #onStored(): void {
    if (this.#pages.isComplete && !isEnded(this.#state)) {
      this.#enter('all-stored');
      this.#sizes = this.#bufferIds.map((id) => this.#pages.byteCountOf(this.#listOf(id)));
    }
    this.#news.ring();
    this.#options.onChange();
  }

  #onFailure(error: unknown): void {
    if (isEnded(this.#state)) return;
    this.#failure = error;
    this.#drop('fail');
  }

  #enter(transition: OutputBufferTransition): void {
    this.#state = nextOutputBufferState(this.#state, transition);
  }

  #checkDeclaration({ kind, bufferIds, noMoreBufferIds, retention }: OutputBuffers): void {
    const problem =
      kind !== this.#options.kind
        ? `of kind ${kind} where the fragment has ${this.#options.kind}`
        : retention !== this.retention
          ? `that are ${retention ?? 'streaming'} where they were ${this.retention} before`
          : !noMoreBufferIds || bufferIds.length === 0
            ? 'of a stored output without all ids'
            : this.#version >= 0 && bufferIds.join() !== this.#bufferIds.join()
              ? 'with other ids than before'
              : undefined;
    if (problem !== undefined)
      throw new EngineError('INVALID_REQUEST', `output buffers ${problem}`);
  }

  /** The list that the next page goes to. */
  #listFor(partition: number): number {
    const ids = this.#bufferIds;
    switch (this.#options.kind) {
      case 'broadcast':
        return 0;
      case 'partitioned':
        return this.#listOf(partition as OutputBufferId);
      case 'arbitrary':
        this.#dealtCount += 1;
        return ids[(this.#options.partition + this.#dealtCount - 1) % ids.length] ?? 0;
    }
  }

  /** The list of a buffer's pages. */
  #listOf(id: OutputBufferId): number {
    if (!this.#bufferIds.includes(id))
      throw new EngineError('PERMISSION_DENIED', `output buffer ${id} is not declared`);
    return this.#options.kind === 'broadcast' ? 0 : id;
  }

  /** Returns when there is something to answer, or after a while. */
  async #untilReadable(list: number, token: number, signal: AbortSignal): Promise<void> {
    if (this.#isAnswerable(list, token)) return;
    const { clock, random } = this.#options;
    const timer = new AbortController();
    const cancelTimer = clock.schedule(readWaitMs(random), () => timer.abort());
    const either = AbortSignal.any([signal, timer.signal]);
    try {
      while (!this.#isAnswerable(list, token) && !either.aborted) {
        await this.#news.wait(either).catch(() => undefined);
      }
    } finally {
      cancelTimer();
    }
  }

  #isAnswerable(list: number, token: number): boolean {
    if (this.#isReleased || this.#state === 'finished') return true;
    return !isEnded(this.#state) && token !== this.#pages.listed(list).length;
  }

  async #readPages(pages: readonly StoredPage[]): Promise<readonly Page[]> {
    try {
      return await this.#pages.read(pages);
    } catch (error) {
      if (error instanceof EngineError && error.code === 'OUTPUT_PAGE_LOST') {
        throw this.#lost(error.message, error);
      }
      throw error;
    }
  }

  #lost(how: string, cause?: EngineError): EngineError {
    const { task, outputIndex } = this.#options;
    const message = `output ${outputIndex} of task ${task}: ${how}`;
    const details = { ...cause?.details, task_id: task, output_index: String(outputIndex) };
    return new EngineError('OUTPUT_PAGE_LOST', message, { details, cause });
  }
}

function nothingAt(token: number): PageReply {
  return { token, pages: [], complete: false, isOwned: false };
}
