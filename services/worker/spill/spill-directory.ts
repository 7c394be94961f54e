/** Files of pages of inputs that do not fit into memory. */
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../../common/error.ts';
import type { Page } from '../../common/page/page.ts';
import type { SpillFile } from '../input/ports.ts';
import type { DiskBudget } from './disk-budget.ts';
import { readPage, writePages } from './page-io.ts';

export class SpillDirectory {
  readonly #path: string;
  readonly #budget: DiskBudget;
  #fileCount = 0;

  /** `path` is this worker run's own: it is created at the first file and removed by `close`. */
  constructor(path: string, budget: DiskBudget) {
    this.#path = path;
    this.#budget = budget;
  }

  async openFile(): Promise<SpillFile> {
    await mkdir(this.#path, { recursive: true, mode: 0o700 });
    this.#fileCount += 1;
    const path = join(this.#path, `input-${this.#fileCount}.pages`);
    const handle = await open(path, 'wx+', 0o600);
    return new SpilledPages({ path, handle, budget: this.#budget });
  }

  async close(): Promise<void> {
    await rm(this.#path, { recursive: true, force: true });
  }
}

interface SpilledPagesOptions {
  readonly path: string;
  readonly handle: FileHandle;
  readonly budget: DiskBudget;
}

class SpilledPages implements SpillFile {
  readonly #options: SpilledPagesOptions;
  #length = 0;

  constructor(options: SpilledPagesOptions) {
    this.#options = options;
  }

  async append(page: Page): Promise<number> {
    const { budget, path } = this.#options;
    budget.reserve(page.byteLength, path);
    const position = this.#length;
    this.#length += page.byteLength;
    await writePages(this.#options, [page], position);
    return position;
  }

  async read(position: number, byteLength: number): Promise<Page> {
    const { handle, path } = this.#options;
    const page = await readPage(handle, position, byteLength);
    if (page !== undefined) return page;
    throw new EngineError(
      'PAGE_CORRUPT',
      `the spill file ${path} ends before byte ${position + byteLength}`,
    );
  }

  async close(): Promise<void> {
    const { handle, path, budget } = this.#options;
    budget.release(this.#length);
    this.#length = 0;
    await handle.close();
    await rm(path, { force: true });
  }
}
