import { assertNever } from '../../common/assert.ts';
import type { Clock } from '../../common/clock.ts';
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
} from '../../common/task/output-buffers.ts';
import { ClientBuffer } from './client-buffer.ts';
import { HeldPage } from './held-page.ts';
import type { Output } from './output.ts';
import type { OutputBufferTransition } from './output-buffer-state.ts';
import {
  acceptsBuffers,
  acceptsPages,
  isEnded,
  nextOutputBufferState,
} from './output-buffer-state.ts';
import type { PageMemoryPool } from './page-memory-pool.ts';
import type { PageRouter } from './page-router.ts';
import { createRouter } from './page-router.ts';

export interface OutputBufferOptions {
  readonly kind: OutputBufferKind;
  /** The reader is the client. */
  readonly isResult: boolean;
  readonly memory: PageMemoryPool;
  readonly clock: Clock;
  readonly random: Random;
  /** State, fullness or readers may have changed. */
  readonly onChange: () => void;
}

const MAX_BUFFERED_BYTES: Readonly<Record<OutputBufferKind, number>> = {
  partitioned: 32 << 20,
  // Pages are kept for readers that are still to come.
  broadcast: 200 << 20,
  arbitrary: 32 << 20,
};

/** Above this part of its capacity an output counts as overutilised: its readers do not keep up (T25). */
const OVERUTILIZED_FROM: Readonly<Record<OutputBufferKind, number>> = {
  partitioned: 1,
  broadcast: 0.5,
  arbitrary: 0.5,
};

/** Readers that nobody has declared yet; real ones are as many as the tasks of a stage. */
const MAX_BUFFERS = 10_000;

/** The pages of one output of a task, in memory, for all readers that the coordinator has declared (scheduling.md §4). */
export class OutputBuffer implements Output {
  readonly #options: OutputBufferOptions;
  readonly #router: PageRouter;
  readonly #buffers = new Map<OutputBufferId, ClientBuffer>();
  readonly #declared = new Set<OutputBufferId>();
  #version = -1;
  #noMoreIds = false;
  #state: OutputBufferState = 'open';
  #failure: EngineError | undefined;
  #bufferedBytes = 0;

  constructor(options: OutputBufferOptions) {
    this.#options = options;
    this.#router = createRouter(options.kind);
  }

  get state(): OutputBufferState {
    return this.#state;
  }

  get isGone(): boolean {
    return isEnded(this.#state);
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  get status(): OutputBufferStatus {
    const utilization = this.#waitingBytes / MAX_BUFFERED_BYTES[this.#options.kind];
    const overutilized =
      utilization > OVERUTILIZED_FROM[this.#options.kind] || this.#isStalledByMemory;
    return {
      state: this.#state,
      bufferedBytes: this.#bufferedBytes,
      utilization,
      overutilized: overutilized && acceptsPages(this.#state),
    };
  }

  /** The producer should wait. An output with nothing to read never is full, so that there is always progress. */
  get isFull(): boolean {
    if (!acceptsPages(this.#state)) return false;
    return this.#isStalledByMemory || this.#waitingBytes > MAX_BUFFERED_BYTES[this.#options.kind];
  }

  /** Takes what is new: older versions change nothing, nor do further ids after the last. */
  declare(update: OutputBuffers): void {
    this.#abandon(update.abandonedBufferIds ?? []);
    if (update.version <= this.#version || !acceptsBuffers(this.#state)) return;
    this.#checkDeclaration(update);
    this.#version = update.version;
    for (const id of update.bufferIds) {
      if (this.#declared.has(id)) continue;
      this.#declared.add(id);
      this.#router.addBuffer(id, this.#bufferOf(id));
    }
    if (update.noMoreBufferIds) this.#noMoreBuffers();
    this.#afterChange();
  }

  /** Readers that ended without having heard of this output: it must not wait for them. */
  #abandon(ids: readonly OutputBufferId[]): void {
    if (ids.length === 0 || isEnded(this.#state)) return;
    for (const id of ids) this.#bufferOf(id).destroy();
    this.#afterChange();
  }

  /** Never refuses a page; drops it when none are accepted any more (LIMIT). */
  addPage(page: Page, partition: number): void {
    if (!acceptsPages(this.#state)) return;
    this.#bufferedBytes += page.byteLength;
    this.#options.memory.reserve(page.byteLength);
    const held = new HeldPage(page, (byteCount) => {
      this.#bufferedBytes -= byteCount;
      this.#options.memory.release(byteCount);
    });
    this.#router.addPage(held, partition);
    this.#options.onChange();
  }

  noMorePages(): void {
    if (!acceptsPages(this.#state)) return;
    this.#enter('no-more-pages');
    this.#router.noMorePages();
    this.#afterChange();
  }

  async read(id: OutputBufferId, request: PageRequest, signal: AbortSignal): Promise<PageReply> {
    const reply = this.#knownBuffer(id).read(request, signal);
    this.#router.afterRead();
    this.#afterChange();
    return await reply;
  }

  acknowledge(id: OutputBufferId, token: number): void {
    this.#knownBuffer(id).acknowledge(token);
    this.#afterChange();
  }

  /** One reader needs no more. */
  destroyBuffer(id: OutputBufferId): void {
    this.#knownBuffer(id).destroy();
    this.#afterChange();
  }

  /** Nobody needs the pages: readers see an end. */
  destroy(): void {
    this.#end('destroy');
  }

  /** The pages are no result: readers never see an end. */
  abort(): void {
    this.#end('abort');
  }

  /** As `abort`, but readers are told. */
  fail(error: EngineError): void {
    this.#failure ??= error;
    this.#end('fail');
  }

  /** Pages that wait for a reader. A client's pages that were sent are kept for a resumption, which blocks nobody. */
  get #waitingBytes(): number {
    if (!this.#options.isResult) return this.#bufferedBytes;
    let bytes = 0;
    for (const buffer of this.#buffers.values()) bytes += buffer.unreadBytes;
    return bytes;
  }

  get #isStalledByMemory(): boolean {
    return this.#options.memory.isFull && this.#waitingBytes > 0;
  }

  #checkDeclaration({ kind, bufferIds, noMoreBufferIds, retention }: OutputBuffers): void {
    const removed = [...this.#declared].find((id) => !bufferIds.includes(id));
    const problem =
      kind !== this.#options.kind
        ? `of kind ${kind} where the fragment has ${this.#options.kind}`
        : removed !== undefined
          ? `without id ${removed}, which was declared before`
          : retention !== undefined && retention !== 'streaming'
            ? `that are ${retention} where they were streaming before`
            : kind === 'partitioned' && !noMoreBufferIds
              ? 'of a partitioned output without all ids'
              : undefined;
    if (problem !== undefined)
      throw new EngineError('INVALID_REQUEST', `output buffers ${problem}`);
  }

  #noMoreBuffers(): void {
    this.#noMoreIds = true;
    this.#enter('no-more-buffers');
    this.#router.noMoreBuffers();
    for (const [id, buffer] of this.#buffers) {
      if (!this.#declared.has(id)) buffer.fail(notDeclared(id));
    }
  }

  /** The buffer of a reader, who may come before the coordinator has declared it. */
  #knownBuffer(id: OutputBufferId): ClientBuffer {
    if (this.#noMoreIds && !this.#declared.has(id)) throw notDeclared(id);
    return this.#bufferOf(id);
  }

  #bufferOf(id: OutputBufferId): ClientBuffer {
    const known = this.#buffers.get(id);
    if (known !== undefined) return known;
    if (this.#buffers.size >= MAX_BUFFERS) throw notDeclared(id);
    const { clock, random, isResult } = this.#options;
    const buffer = new ClientBuffer({ clock, random, isResult });
    this.#buffers.set(id, buffer);
    this.#endBuffer(buffer);
    return buffer;
  }

  /** Tells a buffer how its output has ended, if it has. */
  #endBuffer(buffer: ClientBuffer): void {
    switch (this.#state) {
      case 'finished':
        return buffer.destroy();
      case 'aborted':
        return buffer.abort();
      case 'failed':
        return buffer.fail(
          this.#failure ?? new EngineError('REMOTE_TASK_FAILED', 'the task failed'),
        );
      case 'open':
      case 'no-more-buffers':
      case 'no-more-pages':
      case 'flushing':
        return;
      default:
        assertNever(this.#state);
    }
  }

  #end(transition: 'destroy' | 'abort' | 'fail'): void {
    if (isEnded(this.#state)) return;
    this.#enter(transition);
    this.#router.drop();
    for (const buffer of this.#buffers.values()) this.#endBuffer(buffer);
    this.#options.onChange();
  }

  #enter(transition: OutputBufferTransition): void {
    this.#state = nextOutputBufferState(this.#state, transition);
  }

  /** Finishes the output when all readers are done and nothing waits for another. */
  #afterChange(): void {
    if (!isEnded(this.#state) && this.#areReadersDone()) {
      this.#enter('all-readers-done');
      if (isEnded(this.#state)) this.#router.drop();
    }
    this.#options.onChange();
  }

  #areReadersDone(): boolean {
    for (const id of this.#declared) {
      if (this.#buffers.get(id)?.isDestroyed !== true) return false;
    }
    return true;
  }
}

function notDeclared(id: OutputBufferId): EngineError {
  return new EngineError('PERMISSION_DENIED', `output buffer ${id} is not declared`);
}
