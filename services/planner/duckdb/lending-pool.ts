interface Entry<Lent> {
  readonly opening: Promise<Lent>;
  users: number;
}

/**
 * Things that are dear to open, kept by what they were opened for and lent to any number of users at once. Above
 * `maxCount` those that nobody uses are closed, the least recently used first.
 */
export class LendingPool<Lent extends { close(): Promise<void> }> {
  readonly #maxCount: number;
  /** Ordered by use. */
  readonly #entries = new Map<string, Entry<Lent>>();

  constructor(maxCount: number) {
    this.#maxCount = maxCount;
  }

  /** Lends what is kept for `key`, opened now if it is not. @throws what `open` and `work` throw */
  async use<T>(
    key: string,
    open: () => Promise<Lent>,
    work: (lent: Lent) => Promise<T>,
  ): Promise<T> {
    const entry = this.#entries.get(key) ?? { opening: open(), users: 0 };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.users += 1;
    try {
      return await work(await this.#opened(key, entry));
    } finally {
      entry.users -= 1;
      this.#dropIdle();
    }
  }

  async close(): Promise<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(entries.map(async ({ opening }) => await (await opening).close()));
  }

  /** What failed to open is tried anew by the next user. */
  async #opened(key: string, entry: Entry<Lent>): Promise<Lent> {
    try {
      return await entry.opening;
    } catch (error) {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      throw error;
    }
  }

  #dropIdle(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size <= this.#maxCount) return;
      if (entry.users > 0) continue;
      this.#entries.delete(key);
      void entry.opening.then(async (lent) => await lent.close());
    }
  }
}
