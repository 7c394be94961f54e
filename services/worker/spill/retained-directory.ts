/** Files of stored outputs: written once, read often, checked when read. Gone with their worker's run. */
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { EngineError } from '../../common/error.ts';
import type { Logger } from '../../common/logger.ts';
import type { Page } from '../../common/page/page.ts';
import type { PageFile, StoredPage } from '../output/page-file.ts';
import type { DiskBudget } from './disk-budget.ts';
import { diskError, readPage, writePages } from './page-io.ts';

export interface RetainedDirectoryDeps {
  readonly budget: DiskBudget;
  readonly log: Logger;
}

export class RetainedDirectory {
  readonly #path: string;
  readonly #deps: RetainedDirectoryDeps;

  /** `path` is this worker run's own: it is created at the first file and removed by `close`. */
  constructor(path: string, deps: RetainedDirectoryDeps) {
    this.#path = path;
    this.#deps = deps;
  }

  /** A new file. @throws EngineError as `PageFile.append` does */
  async openFile(name: string): Promise<PageFile> {
    const path = join(this.#path, `${name}.pages`);
    try {
      await mkdir(this.#path, { recursive: true, mode: 0o700 });
      return new RetainedFile(path, await open(path, 'wx', 0o600), this.#deps);
    } catch (cause) {
      throw diskError(cause, path);
    }
  }

  async close(): Promise<void> {
    await rm(this.#path, { recursive: true, force: true });
  }
}

/** Open for writing until it is sealed, and for reading while somebody reads: a file that waits costs no handle. */
class RetainedFile implements PageFile {
  readonly #path: string;
  readonly #deps: RetainedDirectoryDeps;
  #writer: FileHandle | undefined;
  #byteLength = 0;
  #reader: Promise<FileHandle> | undefined;
  #readCount = 0;

  constructor(path: string, writer: FileHandle, deps: RetainedDirectoryDeps) {
    this.#path = path;
    this.#writer = writer;
    this.#deps = deps;
  }

  async append(pages: readonly Page[]): Promise<readonly StoredPage[]> {
    const handle = this.#writer;
    if (handle === undefined) throw new Error('a sealed file takes no pages');
    const byteCount = pages.reduce((sum, { byteLength }) => sum + byteLength, 0);
    this.#deps.budget.reserve(byteCount, this.#path);
    let position = this.#byteLength;
    this.#byteLength += byteCount;
    await writePages({ handle, path: this.#path }, pages, position);
    return pages.map((page) => {
      const { byteLength } = page;
      const stored = { position, byteLength, checksum: checksumOf(page) };
      position += byteLength;
      return stored;
    });
  }

  async seal(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    try {
      await writer?.close();
    } catch (cause) {
      throw diskError(cause, this.#path);
    }
  }

  async read(pages: readonly StoredPage[]): Promise<readonly Page[]> {
    this.#readCount += 1;
    const opening = (this.#reader ??= open(this.#path, 'r'));
    try {
      const handle = await opening;
      return await Promise.all(pages.map((page) => this.#readOne(handle, page)));
    } catch (error) {
      throw error instanceof EngineError ? error : this.#lost('cannot be read', error);
    } finally {
      this.#readCount -= 1;
      if (this.#readCount === 0) await this.#closeReader();
    }
  }

  async remove(): Promise<void> {
    const { budget, log } = this.#deps;
    try {
      await this.#writer?.close();
      await rm(this.#path, { force: true });
    } catch (error) {
      log.warn({ file: this.#path, err: error }, 'a file of stored pages was not removed');
    }
    this.#writer = undefined;
    budget.release(this.#byteLength);
    this.#byteLength = 0;
  }

  async #readOne(handle: FileHandle, stored: StoredPage): Promise<Page> {
    const { position, byteLength, checksum } = stored;
    const page = await readPage(handle, position, byteLength);
    if (page === undefined) throw this.#lost(`ends before byte ${position + byteLength}`);
    if (checksumOf(page) === checksum) return page;
    throw this.#lost(`is damaged between bytes ${position} and ${position + byteLength}`);
  }

  /** One handle for all who read at the same time. */
  async #closeReader(): Promise<void> {
    const closing = this.#reader;
    this.#reader = undefined;
    // A file that could not be opened has nothing to close, and its reader knows.
    await closing?.then((handle) => handle.close()).catch(() => undefined);
  }

  #lost(how: string, cause?: unknown): EngineError {
    return new EngineError('OUTPUT_PAGE_LOST', `the file ${this.#path} ${how}`, {
      details: { file: this.#path },
      cause,
    });
  }
}

function checksumOf(page: Page): number {
  return crc32(new Uint8Array(page));
}
