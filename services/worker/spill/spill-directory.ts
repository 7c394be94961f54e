/** Files of pages that do not fit into memory, below a limit that all tasks of a worker share. */
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../../common/error.ts';
import type { Page } from '../../common/page/page.ts';
import type { SpillFile } from '../input/ports.ts';

export class SpillDirectory {
  readonly #path: string;
  readonly #limitBytes: number;
  #usedBytes = 0;
  #fileCount = 0;

  /** `path` is this worker run's own: it is created at the first file and removed by `close`. */
  constructor(path: string, limitBytes: number) {
    this.#path = path;
    this.#limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  async openFile(): Promise<SpillFile> {
    await mkdir(this.#path, { recursive: true, mode: 0o700 });
    this.#fileCount += 1;
    const path = join(this.#path, `input-${this.#fileCount}.pages`);
    const handle = await open(path, 'wx+', 0o600);
    return new SpilledPages({
      path,
      handle,
      reserve: (bytes) => this.#reserve(bytes),
      release: (bytes) => (this.#usedBytes -= bytes),
    });
  }

  async close(): Promise<void> {
    await rm(this.#path, { recursive: true, force: true });
  }

  #reserve(bytes: number): void {
    if (this.#usedBytes + bytes > this.#limitBytes) {
      throw new EngineError(
        'OUT_OF_DISK',
        `spilling ${bytes} bytes more would exceed the worker's spill_limit of ${this.#limitBytes} bytes`,
        { details: { directory: this.#path } },
      );
    }
    this.#usedBytes += bytes;
  }
}

interface SpilledPagesOptions {
  readonly path: string;
  readonly handle: FileHandle;
  readonly reserve: (bytes: number) => void;
  readonly release: (bytes: number) => void;
}

class SpilledPages implements SpillFile {
  readonly #options: SpilledPagesOptions;
  #length = 0;

  constructor(options: SpilledPagesOptions) {
    this.#options = options;
  }

  async append(bytes: Page): Promise<number> {
    const { handle, reserve, path } = this.#options;
    reserve(bytes.byteLength);
    const position = this.#length;
    this.#length += bytes.byteLength;
    try {
      for (let written = 0; written < bytes.byteLength;) {
        const rest = new Uint8Array(bytes, written);
        written += (await handle.write(rest, 0, rest.length, position + written)).bytesWritten;
      }
    } catch (cause) {
      throw diskError(cause, path);
    }
    return position;
  }

  async read(position: number, byteLength: number): Promise<Page> {
    const { handle, path } = this.#options;
    const page = new ArrayBuffer(byteLength);
    for (let done = 0; done < byteLength;) {
      const { bytesRead } = await handle.read(
        new Uint8Array(page, done),
        0,
        byteLength - done,
        position + done,
      );
      if (bytesRead === 0) {
        throw new EngineError(
          'PAGE_CORRUPT',
          `the spill file ${path} ends before byte ${position + byteLength}`,
        );
      }
      done += bytesRead;
    }
    return page;
  }

  async close(): Promise<void> {
    const { handle, path, release } = this.#options;
    release(this.#length);
    this.#length = 0;
    await handle.close();
    await rm(path, { force: true });
  }
}

function diskError(cause: unknown, path: string): EngineError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const isFull = cause instanceof Error && 'code' in cause && cause.code === 'ENOSPC';
  return new EngineError(
    isFull ? 'OUT_OF_DISK' : 'INTERNAL_ERROR',
    `cannot write the spill file ${path}: ${reason}`,
    { cause },
  );
}
