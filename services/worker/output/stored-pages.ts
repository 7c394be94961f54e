/**
 * Pages on their way to a file and in it: written in the background, in the order in which they come, in batches, so that
 * small pages cost no write each. Each page belongs to one list, and is seen there once it is written.
 */
import { EngineError } from '../../common/error.ts';
import type { Page } from '../../common/page/page.ts';
import type { OpenPageFile, PageFile, StoredPage } from './page-file.ts';
import type { PageMemoryPool } from './page-memory-pool.ts';

export interface StoredPagesOptions {
  readonly name: string;
  readonly openPageFile: OpenPageFile;
  /** There is a file even of no pages. */
  readonly keepsEmpty: boolean;
  /** Accounts for the pages that are not written yet. */
  readonly memory: PageMemoryPool;
  /** Some pages are written, or all are. */
  readonly onStored: () => void;
  /** Nothing more will be written. */
  readonly onFailure: (error: unknown) => void;
}

const MAX_BATCH_BYTES = 4 << 20;
const MAX_BATCH_PAGES = 64;

interface QueuedPage {
  readonly page: Page;
  readonly list: number;
}

export class StoredPages {
  readonly #options: StoredPagesOptions;
  readonly #lists = new Map<number, StoredPage[]>();
  readonly #queue: QueuedPage[] = [];
  #queuedBytes = 0;
  #storedBytes = 0;
  #file: PageFile | undefined;
  #isWriting = false;
  #writing = Promise.resolve();
  #isSealed = false;
  #isComplete = false;
  #isRemoved = false;

  constructor(options: StoredPagesOptions) {
    this.#options = options;
  }

  /** Of the pages that are not written yet. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get storedBytes(): number {
    return this.#storedBytes;
  }

  /** Sealed, and all pages are in the file. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  listed(list: number): readonly StoredPage[] {
    return this.#lists.get(list) ?? [];
  }

  byteCountOf(list: number): number {
    return this.listed(list).reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  add(page: Page, list: number): void {
    this.#queue.push({ page, list });
    this.#queuedBytes += page.byteLength;
    this.#options.memory.reserve(page.byteLength);
    this.#wakeWriter();
  }

  /** No more pages will be added. These lists there are, with or without pages. */
  seal(lists: readonly number[]): void {
    for (const list of lists) this.#listOf(list);
    this.#isSealed = true;
    this.#wakeWriter();
  }

  /** @throws EngineError OUTPUT_PAGE_LOST */
  async read(pages: readonly StoredPage[]): Promise<readonly Page[]> {
    if (pages.length === 0) return [];
    if (this.#file === undefined) throw new EngineError('OUTPUT_PAGE_LOST', 'its file was removed');
    return await this.#file.read(pages);
  }

  /** Drops everything, the file too; a write that is under way ends before that. */
  async remove(): Promise<void> {
    this.#isRemoved = true;
    this.#forget(this.#queue.splice(0));
    this.#lists.clear();
    await this.#writing;
    const file = this.#file;
    this.#file = undefined;
    await file?.remove();
    this.#storedBytes = 0;
  }

  #wakeWriter(): void {
    if (this.#isWriting || this.#isRemoved) return;
    this.#isWriting = true;
    this.#writing = this.#write();
  }

  async #write(): Promise<void> {
    const { onStored, onFailure } = this.#options;
    try {
      while (this.#queue.length > 0) {
        await this.#writeBatch(this.#takeBatch());
        onStored();
      }
      if (!this.#isSealed || this.#isRemoved) return;
      if (this.#options.keepsEmpty) await this.#open();
      await this.#file?.seal(this.#lists);
      this.#isComplete = true;
      onStored();
    } catch (error) {
      this.#forget(this.#queue.splice(0));
      onFailure(error);
    } finally {
      this.#isWriting = false;
    }
  }

  #takeBatch(): readonly QueuedPage[] {
    let count = 0;
    let bytes = 0;
    for (const { page } of this.#queue) {
      if (count === MAX_BATCH_PAGES || (count > 0 && bytes + page.byteLength > MAX_BATCH_BYTES))
        break;
      count += 1;
      bytes += page.byteLength;
    }
    return this.#queue.splice(0, count);
  }

  async #writeBatch(batch: readonly QueuedPage[]): Promise<void> {
    try {
      const file = await this.#open();
      const stored = await file.append(batch.map(({ page }) => page));
      if (this.#isRemoved) return;
      for (const [i, page] of stored.entries()) {
        this.#storedBytes += page.byteLength;
        this.#listOf(batch[i]?.list ?? 0).push(page);
      }
    } finally {
      this.#forget(batch);
    }
  }

  async #open(): Promise<PageFile> {
    this.#file ??= await this.#options.openPageFile(this.#options.name);
    return this.#file;
  }

  #listOf(list: number): StoredPage[] {
    const known = this.#lists.get(list);
    if (known !== undefined) return known;
    const fresh: StoredPage[] = [];
    this.#lists.set(list, fresh);
    return fresh;
  }

  #forget(pages: readonly QueuedPage[]): void {
    for (const { page } of pages) {
      this.#queuedBytes -= page.byteLength;
      this.#options.memory.release(page.byteLength);
    }
  }
}
