/** Files of stored outputs without a disk: writes and reads end when the test says so, or at once. */
import { EngineError } from '../../services/common/error.ts';
import type { Page } from '../../services/common/page/page.ts';
import type { OpenPageFile, PageFile, StoredPage } from '../../services/worker/output/page-file.ts';

export interface MemoryPageFilesOptions {
  /** Every access to a file waits for this. */
  readonly pause?: () => Promise<void>;
}

export class MemoryPageFiles {
  /** Those that are there, by name. */
  readonly files = new Map<string, MemoryPageFile>();
  readonly open: OpenPageFile;
  /** What the next write fails with. */
  writeError: EngineError | undefined;

  constructor({ pause = () => Promise.resolve() }: MemoryPageFilesOptions = {}) {
    this.open = async (name) => {
      await pause();
      if (this.files.has(name)) throw new Error(`there is a file ${name}`);
      const file = new MemoryPageFile(pause, {
        beforeWrite: () => this.#failIfTold(),
        onRemove: () => void this.files.delete(name),
      });
      this.files.set(name, file);
      return file;
    };
  }

  #failIfTold(): void {
    if (this.writeError !== undefined) throw this.writeError;
  }
}

class MemoryPageFile implements PageFile {
  readonly #pause: () => Promise<void>;
  readonly #hooks: { readonly beforeWrite: () => void; readonly onRemove: () => void };
  readonly #pages: Page[] = [];
  isSealed = false;
  /** Its pages cannot be read any more. */
  isDamaged = false;
  writeCount = 0;

  constructor(
    pause: () => Promise<void>,
    hooks: { readonly beforeWrite: () => void; readonly onRemove: () => void },
  ) {
    this.#pause = pause;
    this.#hooks = hooks;
  }

  get pageCount(): number {
    return this.#pages.length;
  }

  async append(pages: readonly Page[]): Promise<readonly StoredPage[]> {
    if (this.isSealed) throw new Error('a sealed file takes no pages');
    this.writeCount += 1;
    await this.#pause();
    this.#hooks.beforeWrite();
    return pages.map((page) => {
      this.#pages.push(page.slice(0));
      return { position: this.#pages.length - 1, byteLength: page.byteLength, checksum: 0 };
    });
  }

  async seal(): Promise<void> {
    await this.#pause();
    this.isSealed = true;
  }

  async read(pages: readonly StoredPage[]): Promise<readonly Page[]> {
    await this.#pause();
    return pages.map(({ position }) => {
      const page = this.isDamaged ? undefined : this.#pages[position];
      if (page !== undefined) return page.slice(0);
      throw new EngineError('OUTPUT_PAGE_LOST', 'damaged', { details: { file: 'memory' } });
    });
  }

  async remove(): Promise<void> {
    await this.#pause();
    this.#hooks.onRemove();
  }
}
