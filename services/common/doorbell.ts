/** Lets tasks of one process wait until something may have changed; they look again when it rings. */
export class Doorbell {
  readonly #waiters = new Set<() => void>();

  get waiterCount(): number {
    return this.#waiters.size;
  }

  /** Wakes everybody who waits now. */
  ring(): void {
    for (const wake of this.#waiters) wake();
  }

  /** Resolves at the next ring; rejects with the signal's reason when it is aborted first. */
  wait(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason);
      const leave = (): void => {
        this.#waiters.delete(wake);
        signal?.removeEventListener('abort', cancel);
      };
      const wake = (): void => {
        leave();
        resolve();
      };
      const cancel = (): void => {
        leave();
        reject(signal?.reason);
      };
      this.#waiters.add(wake);
      signal?.addEventListener('abort', cancel);
    });
  }
}
