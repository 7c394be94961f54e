/** How many bytes a stage gives to each of its consumer's partitions, known or estimated (F22, §2.5). */
import { assert } from '../../../common/assert.ts';
import type { OutputEstimation } from './fault-tolerant-options.ts';

export interface OutputSizeEstimate {
  readonly partitionBytes: readonly number[];
}

export function noOutput(partitionCount: number): OutputSizeEstimate {
  return { partitionBytes: Array.from({ length: partitionCount }, () => 0) };
}

/** Sum by partition; all must have the same number of them, and there must be one at least. */
export function mergeEstimates(estimates: readonly OutputSizeEstimate[]): OutputSizeEstimate {
  const [first, ...others] = estimates;
  assert(first !== undefined, 'there is an estimate to merge');
  const isAlike = others.every(
    ({ partitionBytes }) => partitionBytes.length === first.partitionBytes.length,
  );
  assert(isAlike, 'merged estimates have the same partitions');
  return {
    partitionBytes: first.partitionBytes.map((bytes, partition) =>
      others.reduce((sum, other) => sum + (other.partitionBytes[partition] ?? 0), bytes),
    ),
  };
}

export function totalBytes(estimate: OutputSizeEstimate): number {
  return estimate.partitionBytes.reduce((sum, bytes) => sum + bytes, 0);
}

/** What is known of a stage whose output is to be estimated. */
export interface StageProgress {
  /** Partitions of the consumer. */
  readonly outputPartitionCount: number;
  readonly partitionCount: number;
  readonly finishedCount: number;
  /** All of its partitions are known. */
  readonly noMorePartitions: boolean;
  /** Sum over the finished partitions. */
  readonly finishedOutput: OutputSizeEstimate;
  /** Of its inputs: bytes each; `undefined` = nobody knows. */
  readonly remoteInputBytes: readonly (number | undefined)[];
  /** It reads files. */
  readonly hasScans: boolean;
  /** Its consumer begins whatever the size. */
  readonly isConsumerEager: boolean;
}

/** By what the estimate was made, for EXPLAIN ANALYZE. */
export type EstimateOrigin = 'finished' | 'progress' | 'small-input' | 'eager-consumer';

export interface StageOutputEstimate {
  readonly estimate: OutputSizeEstimate;
  readonly origin: EstimateOrigin;
}

/** The first estimator that has an answer, surest first (§2.5); `undefined` = none has. */
export function estimateStageOutput(
  stage: StageProgress,
  options: OutputEstimation,
): StageOutputEstimate | undefined {
  if (stage.noMorePartitions && stage.finishedCount === stage.partitionCount)
    return { estimate: stage.finishedOutput, origin: 'finished' };
  const byProgress = estimateByProgress(stage, options);
  if (byProgress !== undefined) return { estimate: byProgress, origin: 'progress' };
  const bySmallInput = estimateBySmallInput(stage, options);
  if (bySmallInput !== undefined) return { estimate: bySmallInput, origin: 'small-input' };
  if (!stage.isConsumerEager) return undefined;
  return { estimate: noOutput(stage.outputPartitionCount), origin: 'eager-consumer' };
}

/** The rest is like what has finished. */
function estimateByProgress(
  stage: StageProgress,
  options: OutputEstimation,
): OutputSizeEstimate | undefined {
  if (!stage.noMorePartitions || stage.finishedCount === 0) return undefined;
  const progress = stage.finishedCount / stage.partitionCount;
  if (progress < options.minProgress) return undefined;
  const { partitionBytes } = stage.finishedOutput;
  return { partitionBytes: partitionBytes.map((bytes) => Math.round(bytes / progress)) };
}

/** A stage that reads little gives little, to all alike. */
function estimateBySmallInput(
  stage: StageProgress,
  options: OutputEstimation,
): OutputSizeEstimate | undefined {
  if (stage.hasScans && !stage.noMorePartitions) return undefined;
  let inputBytes = stage.hasScans ? stage.partitionCount * options.scanPartitionBytes : 0;
  for (const bytes of stage.remoteInputBytes) {
    if (bytes === undefined) return undefined;
    inputBytes += bytes;
  }
  if (inputBytes > options.smallInputBytes) return undefined;
  const count = stage.outputPartitionCount;
  const share = Math.ceil((inputBytes * options.smallInputFactor) / Math.max(1, count));
  return { partitionBytes: Array.from({ length: count }, () => share) };
}
