/**
 * The pages of one remote source of one task, received whether or not the task runs yet, so that a consumer that
 * waits for a slot never stalls the producers that hold the slots (design: the worker, input queues). Pages stay in
 * memory while there is room, else in a file; they come out in the order in which they arrived.
 */
import { EngineError } from '../../common/error.ts';
import type { Page } from '../../common/page/page.ts';
import { pageRowCount } from '../../common/page/record-batch-message.ts';
import type { OutputLocation } from '../../common/plan/split.ts';
import type { InputListener, OpenSpillFile, PageMemory, PageSupply, SpillFile } from './ports.ts';

export interface InputQueueOptions {
  readonly supply: PageSupply;
  readonly memory: PageMemory;
  readonly openSpillFile: OpenSpillFile;
  readonly listener: InputListener;
  /** Enough rows: the rest is not fetched. */
  readonly rowLimit?: number | undefined;
  /** Pages are read more than once: they are kept, and readers get copies. */
  readonly isReread: boolean;
}

type QueuedPage =
  | { readonly kind: 'memory'; readonly page: Page }
  | { readonly kind: 'file'; readonly position: number; readonly byteLength: number }
  | { readonly kind: 'taken' };

export class InputQueue {
  readonly #options: InputQueueOptions;
  readonly #closing = new AbortController();
  /** From the first page that is still to be kept; `#cursor` is the next to be read. */
  #pages: QueuedPage[] = [];
  #cursor = 0;
  #memoryBytes = 0;
  #spillFile: SpillFile | undefined;
  #spilledBytes = 0;
  #rowCount = 0;
  #byteCount = 0;
  #isComplete = false;
  #failure: EngineError | undefined;
  #wakeReader: (() => void) | undefined;
  readonly #receiving: Promise<void>;

  constructor(options: InputQueueOptions) {
    this.#options = options;
    this.#receiving = this.#receive();
  }

  /** Also when nothing more is needed: the supply gives back what it is told of then. */
  addLocation(location: OutputLocation): void {
    this.#options.supply.addLocation(location);
  }

  noMoreLocations(): void {
    this.#options.supply.noMoreLocations();
  }

  /** All pages of all producers are here, or all rows that are needed. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  get byteCount(): number {
    return this.#byteCount;
  }

  get spilledBytes(): number {
    return this.#spilledBytes;
  }

  /** The next page, the caller's own; `undefined` after the last. One call at a time. @throws EngineError */
  async readPage(): Promise<Page | undefined> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      this.#closing.signal.throwIfAborted();
      if (this.#cursor < this.#pages.length) return await this.#take();
      if (this.#isComplete) return undefined;
      await new Promise<void>((resolve) => (this.#wakeReader = resolve));
    }
  }

  /** The next `readPage` gives the first page again. Only for a queue that is reread. */
  rewind(): void {
    if (!this.#options.isReread) throw new Error('pages that were read are gone');
    this.#cursor = 0;
  }

  /** Frees everything; the producers learn that nothing more is needed. Repeating it is harmless. */
  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new EngineError('QUERY_CANCELLED', 'the input is not needed any more'));
    this.#options.supply.close();
    this.#options.memory.release(this.#memoryBytes);
    this.#memoryBytes = 0;
    this.#pages = [];
    this.#wake();
    // A write that is under way must end before its file goes. One that cannot be removed goes with its directory.
    this.#receiving.then(() => this.#spillFile?.close()).catch(() => undefined);
  }

  async #receive(): Promise<void> {
    const { signal } = this.#closing;
    const { supply, listener } = this.#options;
    try {
      while (!this.#hasEnough()) {
        const page = await supply.next(signal);
        if (page === undefined || signal.aborted) break;
        await this.#store(page);
        this.#wake();
        if (!signal.aborted) listener.onChange();
      }
    } catch (error) {
      if (signal.aborted) return;
      return this.#fail(error);
    }
    if (signal.aborted) return;
    this.#isComplete = true;
    supply.close();
    this.#wake();
    listener.onChange();
  }

  #hasEnough(): boolean {
    const { rowLimit } = this.#options;
    return rowLimit !== undefined && this.#rowCount >= rowLimit;
  }

  #fail(error: unknown): void {
    this.#failure =
      error instanceof EngineError
        ? error
        : new EngineError('INTERNAL_ERROR', `an input failed: ${String(error)}`, { cause: error });
    this.#wake();
    this.#options.listener.onFailure(this.#failure);
  }

  async #store(page: Page): Promise<void> {
    const { memory, openSpillFile } = this.#options;
    const { byteLength } = page;
    const rowCount = pageRowCount(page);
    if (memory.tryReserve(byteLength)) {
      this.#memoryBytes += byteLength;
      this.#pages.push({ kind: 'memory', page });
    } else {
      this.#spillFile ??= await openSpillFile();
      const position = await this.#spillFile.append(page);
      this.#spilledBytes += byteLength;
      // The queue may have been closed during the write; then the file goes with it.
      if (!this.#closing.signal.aborted) this.#pages.push({ kind: 'file', position, byteLength });
    }
    this.#rowCount += rowCount;
    this.#byteCount += byteLength;
  }

  async #take(): Promise<Page> {
    const queued = this.#pages[this.#cursor];
    if (queued === undefined || queued.kind === 'taken') throw new Error('there is a page to take');
    const { isReread, memory } = this.#options;
    if (!isReread) this.#pages[this.#cursor] = { kind: 'taken' };
    this.#cursor += 1;
    if (!isReread) this.#dropTaken();
    if (queued.kind === 'file') {
      if (this.#spillFile === undefined) throw new Error('a spilled page has a file');
      return await this.#spillFile.read(queued.position, queued.byteLength);
    }
    if (isReread) return queued.page.slice(0);
    this.#memoryBytes -= queued.page.byteLength;
    memory.release(queued.page.byteLength);
    return queued.page;
  }

  /** Shortens the list now and then, so that taking a page is cheap on average. */
  #dropTaken(): void {
    if (this.#cursor < 64 || this.#cursor * 2 < this.#pages.length) return;
    this.#pages = this.#pages.slice(this.#cursor);
    this.#cursor = 0;
  }

  #wake(): void {
    this.#wakeReader?.();
    this.#wakeReader = undefined;
  }
}
