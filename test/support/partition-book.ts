/** Applies what a split assigner says, as a scheduler would, and holds it to the protocol's laws (F25). */
import { expect } from 'vitest';
import type {
  AssignableSplit,
  AssignmentResult,
  NodeRequirements,
} from '../../services/coordinator/scheduler/fault-tolerant/split-assignment.ts';

export interface BookedPartition {
  readonly requirements: NodeRequirements;
  /** Splits by source, in order. */
  readonly splits: Map<number, AssignableSplit[]>;
  readonly ended: Set<number>;
  isReady: boolean;
  isSealed: boolean;
}

export class PartitionBook {
  readonly partitions: BookedPartition[] = [];
  isComplete = false;
  readonly #sourceIds: readonly number[];

  constructor(sourceIds: readonly number[]) {
    this.#sourceIds = sourceIds;
  }

  apply(result: AssignmentResult): this {
    if (result.partitionsAdded.length > 0) expect(this.isComplete).toBe(false);
    for (const { partitionId, requirements } of result.partitionsAdded) {
      expect(partitionId, 'ids have no gaps').toBe(this.partitions.length);
      this.partitions.push({
        requirements,
        splits: new Map(this.#sourceIds.map((sourceId) => [sourceId, []])),
        ended: new Set(),
        isReady: false,
        isSealed: false,
      });
    }
    for (const update of result.updates) {
      const partition = this.partitionOf(update.partitionId);
      expect(partition.isSealed, 'nothing after the seal').toBe(false);
      if (update.splits.length > 0) expect(partition.ended.has(update.sourceId)).toBe(false);
      partition.splits.get(update.sourceId)?.push(...update.splits);
      if (update.noMoreSplits) partition.ended.add(update.sourceId);
      partition.isReady ||= update.isReady;
    }
    for (const partitionId of result.sealed) {
      const partition = this.partitionOf(partitionId);
      expect(partition.isSealed, 'sealed once').toBe(false);
      expect(partition.ended, 'every source has ended').toEqual(new Set(this.#sourceIds));
      partition.isSealed = true;
    }
    if (result.noMorePartitions) {
      expect(this.isComplete, 'the end is told once').toBe(false);
      this.isComplete = true;
    }
    return this;
  }

  partitionOf(partitionId: number): BookedPartition {
    const partition = this.partitions[partitionId];
    if (partition === undefined) throw new Error(`no partition ${partitionId}`);
    return partition;
  }

  /** Bytes of the splits of one source, by partition. */
  bytesOf(sourceId: number): readonly (readonly number[])[] {
    return this.partitions.map(({ splits }) =>
      (splits.get(sourceId) ?? []).map(({ bytes }) => bytes),
    );
  }

  get sealed(): readonly number[] {
    return this.partitions.flatMap(({ isSealed }, index) => (isSealed ? [index] : []));
  }
}
