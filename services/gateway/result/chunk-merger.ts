import type { ResultChunk } from './result-stream.ts';

/** Chunks that together stay below this travel as one message: a small result costs its client one. */
const MAX_MERGED_BYTES = 64 * 1024;

/**
 * Joins small chunks that are there at the same time. Whether a chunk may wait for the next is its owner's to
 * say, by `flush`. A chunk without a token is a schema or too large to be joined with what follows, so the last
 * chunk's token stands for all bytes of a joined one.
 */
export class ChunkMerger {
  #waiting: ResultChunk[] = [];
  #waitingBytes = 0;

  /** Takes a chunk; gives the ones that are due. */
  *add(chunk: ResultChunk): Generator<ResultChunk, void, void> {
    if (this.#waitingBytes + chunk.arrowIpc.byteLength > MAX_MERGED_BYTES) yield* this.flush();
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.arrowIpc.byteLength;
    if (this.#waitingBytes > MAX_MERGED_BYTES) yield* this.flush();
  }

  /** What waits, as one chunk; nothing when nothing waits. */
  *flush(): Generator<ResultChunk, void, void> {
    const last = this.#waiting.at(-1);
    if (last === undefined) return;
    const arrowIpc =
      this.#waiting.length === 1
        ? last.arrowIpc
        : Buffer.concat(this.#waiting.map((chunk) => chunk.arrowIpc));
    this.#waiting = [];
    this.#waitingBytes = 0;
    yield { ...last, arrowIpc };
  }
}
