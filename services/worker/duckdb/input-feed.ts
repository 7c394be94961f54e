/** Moves a remote source's pages to a slot, keeping a few ahead of what the slot has read. */
import type { Page } from '../../common/page/page.ts';

/** Bytes sent to the slot and not yet read there. */
const MAX_BYTES_AHEAD = 4 << 20;

export class InputFeed {
  readonly #read: () => Promise<Page | undefined>;
  readonly #send: (page: Page | undefined) => void;
  #bytesAhead = 0;
  #isStopped = false;
  #wake: (() => void) | undefined;

  constructor(read: () => Promise<Page | undefined>, send: (page: Page | undefined) => void) {
    this.#read = read;
    this.#send = send;
  }

  /** Ends with the source, after telling the slot, or when stopped. @throws what reading throws. */
  async run(): Promise<void> {
    while (!this.#isStopped) {
      if (this.#bytesAhead >= MAX_BYTES_AHEAD) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      const page = await this.#read();
      if (this.#isStopped) return;
      this.#bytesAhead += page?.byteLength ?? 0;
      this.#send(page);
      if (page === undefined) return;
    }
  }

  onConsumed(byteCount: number): void {
    this.#bytesAhead -= byteCount;
    this.#wakeUp();
  }

  stop(): void {
    this.#isStopped = true;
    this.#wakeUp();
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
