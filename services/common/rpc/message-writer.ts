import type { Writable } from 'node:stream';

/**
 * Writes messages to a grpc-js stream one at a time: the next is asked for when the last has left. (The stream's
 * own buffer counts 16 messages, whatever their size.)
 */
export class MessageWriter<T> {
  readonly #sink: Writable;
  #isClosed = false;
  #settle: ((hasLeft: boolean) => void) | undefined;

  constructor(sink: Writable) {
    this.#sink = sink;
  }

  /** The call is over. grpc-js forgets the callbacks of its last writes, so they are settled here. */
  close(): void {
    this.#isClosed = true;
    this.#settle?.(false);
  }

  /** Resolves when all are sent (true) or the call is over (false); rejects when `messages` does. */
  async send(messages: AsyncIterable<T>): Promise<boolean> {
    for await (const message of messages) {
      if (!(await this.#write(message))) return false;
    }
    return !this.#isClosed;
  }

  #write(message: T): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#sink.write(message, (error) => resolve(error === null || error === undefined));
    });
  }
}
