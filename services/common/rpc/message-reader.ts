import type { Readable } from 'node:stream';
import { EngineError } from '../error.ts';

export interface MessageReaderOptions {
  /** The stream is left before its end. */
  readonly onLeave: () => void;
}

/**
 * Reads a grpc-js stream message by message. It attaches to the stream in its constructor: a client stream that
 * nobody reads from the first tick on is buffered without bounds (clients.md, finding 6); once attached, Node
 * stops after 16 messages. One reader at a time.
 *
 * Only `finish` makes an end: grpc-js ends the stream for failed calls too, just before it reports the failure.
 */
export class MessageReader<T> implements AsyncIterableIterator<T> {
  readonly #source: Readable;
  readonly #onLeave: () => void;
  #outcome: { readonly error?: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(source: Readable, options: MessageReaderOptions) {
    this.#source = source;
    this.#onLeave = options.onLeave;
    source.on('readable', () => this.#wake?.());
  }

  /** All messages have arrived. */
  finish(): void {
    this.#outcome ??= {};
    this.#wake?.();
  }

  /** The reader sees the messages that have arrived, then the error. */
  fail(error: unknown): void {
    this.#outcome ??= { error };
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<T>> {
    if (this.#wake !== undefined) throw new Error('a stream has one reader at a time');
    for (;;) {
      const message = this.#source.read();
      if (message !== null && message !== undefined) return { done: false, value: message as T };
      if (this.#outcome !== undefined) return this.#end(this.#outcome);
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
    }
  }

  #end(outcome: { readonly error?: unknown }): IteratorResult<T> {
    if ('error' in outcome) throw outcome.error;
    return { done: true, value: undefined };
  }

  /** Leaves the stream before its end. */
  async return(): Promise<IteratorResult<T>> {
    if (this.#outcome === undefined) {
      this.fail(new EngineError('CALL_CANCELLED', 'the reader left the stream'));
      this.#onLeave();
    }
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
