/**
 * Splits of a task's scans: received once each by their sequence ids (T35), kept in their order, dealt out in
 * batches. The first batch is small, so that first rows come early, later ones grow. Each is a statement, which costs
 * some milliseconds before its first row: splits that are small are dealt out together.
 */
import type { SourceId } from '../../common/ids.ts';
import type { EmptySplit, FileSplit, Split, SplitAssignment } from '../../common/plan/split.ts';

export type ScanSplit = Split & { readonly input: FileSplit | EmptySplit };

export function isScanSplit(split: Split): split is ScanSplit {
  return split.input.kind !== 'remote';
}

export interface SplitBatch {
  readonly files: ReadonlyMap<SourceId, readonly FileSplit[]>;
  readonly splitCount: number;
  readonly rowCount: number;
  readonly byteCount: number;
}

const BATCH_GROWTH = 4;
/** Each range of a file is a branch of the statement. */
const MAX_BATCH_SPLITS = 256;

interface QueuedSplit {
  readonly sourceId: SourceId;
  readonly split: ScanSplit;
}

export class SplitQueue {
  readonly #open: Set<SourceId>;
  #queued: QueuedSplit[] = [];
  #queuedWeight = 0;
  #batchSize = 1;

  constructor(scans: readonly SourceId[]) {
    this.#open = new Set(scans);
  }

  /** Weight of the splits that are in no batch yet. */
  get queuedWeight(): number {
    return this.#queuedWeight;
  }

  get isEmpty(): boolean {
    return this.#queued.length === 0;
  }

  /** No scan will get further splits. */
  get isSealed(): boolean {
    return this.#open.size === 0;
  }

  add(sourceId: SourceId, splits: readonly ScanSplit[]): void {
    for (const split of splits) {
      this.#queued.push({ sourceId, split });
      this.#queuedWeight += split.weight;
    }
  }

  seal(sourceId: SourceId): void {
    this.#open.delete(sourceId);
  }

  /** Everything that is queued. */
  takeAll(): SplitBatch {
    return this.#take(this.#queued.length);
  }

  /** The next splits: one at first, then more and more; as many as have `minWeight` together, if there are. */
  takeBatch(minWeight: number): SplitBatch {
    let count = 0;
    let weight = 0;
    for (const { split } of this.#queued) {
      if (count >= this.#batchSize && weight >= minWeight) break;
      count += 1;
      weight += split.weight;
    }
    this.#batchSize *= BATCH_GROWTH;
    return this.#take(Math.min(count, MAX_BATCH_SPLITS));
  }

  #take(count: number): SplitBatch {
    const taken = this.#queued.splice(0, count);
    const files = new Map<SourceId, FileSplit[]>();
    let rowCount = 0;
    let byteCount = 0;
    for (const { sourceId, split } of taken) {
      this.#queuedWeight -= split.weight;
      const { input } = split;
      if (input.kind === 'empty') continue;
      rowCount += input.rowCount;
      byteCount += input.bytes;
      files.set(sourceId, [...(files.get(sourceId) ?? []), input]);
    }
    return { files, splitCount: taken.length, rowCount, byteCount };
  }
}

/** Takes each split of one source once, however often it is delivered. */
export class SplitReceiver {
  #receivedUpTo = -1;
  readonly #ahead = new Set<number>();
  #noMoreSplits = false;

  /** All splits with a sequence id up to this one have come; -1 = none. */
  get receivedUpTo(): number {
    return this.#receivedUpTo;
  }

  get noMoreSplits(): boolean {
    return this.#noMoreSplits;
  }

  /** The splits of the assignment that have not come before. */
  receive(assignment: SplitAssignment): readonly Split[] {
    const fresh = assignment.splits.filter(({ sequenceId }) => {
      if (sequenceId <= this.#receivedUpTo || this.#ahead.has(sequenceId)) return false;
      this.#ahead.add(sequenceId);
      return true;
    });
    while (this.#ahead.delete(this.#receivedUpTo + 1)) this.#receivedUpTo += 1;
    if (assignment.noMoreSplits) this.#noMoreSplits = true;
    return fresh;
  }
}
