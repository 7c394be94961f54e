import type { ResultLocation } from '../scheduler/scheduler-effect.ts';

/** What a watcher has not been told yet. */
export interface ResultNews {
  readonly locations: readonly ResultLocation[];
  /** No further locations will come after these. */
  readonly noMore: boolean;
  /** Where the next reading goes on. */
  readonly position: number;
}

/** A message with more inline pages than this is closed, so that its size does not grow with the number of tasks. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/**
 * Where a query's result is, in the order in which it became known. Small: two entries per root task at most, of which
 * one may hold the pages of a small result (R8).
 */
export class ResultLog {
  #locations: ResultLocation[] = [];
  #isComplete = false;
  #isReleased = false;
  #inlineBytes = 0;

  get inlineBytes(): number {
    return this.#inlineBytes;
  }

  get isReleased(): boolean {
    return this.#isReleased;
  }

  add(locations: readonly ResultLocation[], noMore: boolean): void {
    if (this.#isReleased) return;
    this.#locations.push(...locations);
    for (const location of locations) this.#inlineBytes += inlineBytesOf(location);
    this.#isComplete ||= noMore;
  }

  /** Nobody needs the result any more. */
  release(): void {
    this.#isReleased = true;
    this.#locations = [];
    this.#inlineBytes = 0;
  }

  /** What has become known from `position` on; undefined = nothing, or nothing any more. */
  read(position: number, hasSaidNoMore: boolean): ResultNews | undefined {
    if (this.#isReleased) return undefined;
    let bytes = 0;
    let end = position;
    while (end < this.#locations.length && bytes < MAX_MESSAGE_BYTES) {
      const location = this.#locations[end];
      if (location !== undefined) bytes += inlineBytesOf(location);
      end += 1;
    }
    const noMore = this.#isComplete && end === this.#locations.length;
    if (end === position && (!noMore || hasSaidNoMore)) return undefined;
    return { locations: this.#locations.slice(position, end), noMore, position: end };
  }
}

function inlineBytesOf(location: ResultLocation): number {
  return (location.inlinePages ?? []).reduce((sum, page) => sum + page.byteLength, 0);
}
