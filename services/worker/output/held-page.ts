import { assert } from '../../common/assert.ts';
import type { Page } from '../../common/page/page.ts';

/** A page with the number of its holders; its memory is accounted for until the last one lets go. */
export class HeldPage {
  readonly page: Page;
  readonly #onFree: (byteCount: number) => void;
  #holderCount = 1;

  /** The creator is the first holder. */
  constructor(page: Page, onFree: (byteCount: number) => void) {
    this.page = page;
    this.#onFree = onFree;
  }

  get byteCount(): number {
    return this.page.byteLength;
  }

  /** One more holder. */
  hold(): this {
    assert(this.#holderCount > 0, 'a page that was let go is gone');
    this.#holderCount += 1;
    return this;
  }

  letGo(): void {
    assert(this.#holderCount > 0, 'a page is let go once by each holder');
    this.#holderCount -= 1;
    if (this.#holderCount === 0) this.#onFree(this.byteCount);
  }
}
