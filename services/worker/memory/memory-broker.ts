/**
 * Who may use how much of the worker's memory: worker memory = Σ memory of the slots + pages + headroom. A
 * task's share of the slots' part is leased for as long as it has a slot.
 */
import { assert } from '../../common/assert.ts';

export interface MemoryPlan {
  /** DuckDB memory of all running tasks together. */
  readonly slotBytes: number;
  /** Pages in output buffers and input queues. */
  readonly pageBytes: number;
}

/** What JavaScript, Node and DuckDB's uncounted allocations need beside the two. */
const HEADROOM_SHARE = 0.15;

/** Divides the worker's memory. `pageBytes` 0 = a quarter of it. */
export function planMemory(workerBytes: number, pageBytes: number): MemoryPlan {
  const pages = pageBytes === 0 ? Math.floor(workerBytes / 4) : pageBytes;
  const slotBytes = Math.floor(workerBytes * (1 - HEADROOM_SHARE)) - pages;
  return { slotBytes, pageBytes: pages };
}

export interface MemoryLease {
  readonly byteCount: number;
  /** Once; repeating it is harmless. */
  release(): void;
}

export class MemoryBroker {
  readonly #totalBytes: number;
  #leasedBytes = 0;

  constructor(totalBytes: number) {
    assert(totalBytes > 0, 'slots need memory');
    this.#totalBytes = totalBytes;
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  get leasedBytes(): number {
    return this.#leasedBytes;
  }

  /** A lease of so many bytes, never more than there are in all; `undefined` while others have them. */
  tryLease(byteCount: number): MemoryLease | undefined {
    const granted = Math.min(byteCount, this.#totalBytes);
    if (this.#leasedBytes + granted > this.#totalBytes) return undefined;
    this.#leasedBytes += granted;
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      this.#leasedBytes -= granted;
    };
    return { byteCount: granted, release };
  }
}
