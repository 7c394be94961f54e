import type { ResultLocation } from '../scheduler/scheduler-effect.ts';

/** Whether anything of an attempt's result may be shown (T9). */
export type ResultCommitment = 'withheld' | 'committed';

/** How far a watcher has been told. */
export interface ResultPosition {
  readonly attempt: number;
  readonly commitment: ResultCommitment;
  /** Locations of the attempt that it knows. */
  readonly position: number;
  /** No further locations will come after these. */
  readonly noMore: boolean;
}

/** What a watcher has not been told yet, and where it stands then. */
export interface ResultNews extends ResultPosition {
  readonly locations: readonly ResultLocation[];
}

export const NOTHING_READ: ResultPosition = {
  attempt: 0,
  commitment: 'committed',
  position: 0,
  noMore: false,
};

/** A message with more inline pages than this is closed, so that its size does not grow with the number of tasks. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/**
 * Where a query's result is, in the order in which it became known. Small: two entries per root task at most, of which
 * one may hold the pages of a small result (R8). Another attempt of the query begins anew.
 */
export class ResultLog {
  #locations: ResultLocation[] = [];
  #attempt = 0;
  #commitment: ResultCommitment = 'committed';
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

  change(attempt: number, commitment: ResultCommitment): void {
    this.#commitment = commitment;
    if (attempt === this.#attempt) return;
    this.#attempt = attempt;
    this.#locations = [];
    this.#inlineBytes = 0;
    this.#isComplete = false;
  }

  /** Nobody needs the result any more. */
  release(): void {
    this.#isReleased = true;
    this.#locations = [];
    this.#inlineBytes = 0;
  }

  /** What has become known since; undefined = nothing, or nothing any more. */
  read(seen: ResultPosition): ResultNews | undefined {
    if (this.#isReleased) return undefined;
    const isOther = seen.attempt !== this.#attempt;
    const position = isOther ? 0 : seen.position;
    let bytes = 0;
    let end = position;
    while (end < this.#locations.length && bytes < MAX_MESSAGE_BYTES) {
      const location = this.#locations[end];
      if (location !== undefined) bytes += inlineBytesOf(location);
      end += 1;
    }
    const noMore = this.#isComplete && end === this.#locations.length;
    const isChanged = isOther || seen.commitment !== this.#commitment;
    const hasNews = end > position || isChanged || (noMore && !seen.noMore);
    if (!hasNews) return undefined;
    const locations = this.#locations.slice(position, end);
    const [attempt, commitment] = [this.#attempt, this.#commitment];
    return { attempt, commitment, position: end, noMore, locations };
  }
}

function inlineBytesOf(location: ResultLocation): number {
  return (location.inlinePages ?? []).reduce((sum, page) => sum + page.byteLength, 0);
}
