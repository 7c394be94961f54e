import { EngineError } from '../../common/error.ts';

/** The disk that the pages of one worker may take: those of inputs that do not fit into memory, and those of stored outputs. */
export class DiskBudget {
  readonly #limitBytes: number;
  #usedBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** @throws EngineError OUT_OF_DISK, and nothing was taken */
  reserve(byteCount: number, path: string): void {
    if (this.#usedBytes + byteCount > this.#limitBytes) {
      throw new EngineError(
        'OUT_OF_DISK',
        `writing ${byteCount} bytes more would exceed the worker's spill_limit of ${this.#limitBytes} bytes`,
        { details: { file: path } },
      );
    }
    this.#usedBytes += byteCount;
  }

  release(byteCount: number): void {
    this.#usedBytes -= byteCount;
  }
}
