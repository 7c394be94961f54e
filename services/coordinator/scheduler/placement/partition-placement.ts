/** Splits of a scan that is read by partitions: each has one task, whatever the others are at (T28, §6.2 bucketed). */
import type { FileSplit } from '../../../common/plan/split.ts';
import { addLoad, chooseLane, splitWeight } from './split-placement.ts';
import type { Loads, Placement, SplitPlacement } from './split-placement.ts';

export interface PartitionPlacementInput extends Loads {
  readonly splits: readonly FileSplit[];
  /** Position in `lanes` of the task of each partition; -1 = it takes none. */
  readonly laneOfPartition: readonly number[];
  readonly standardSplitBytes: number;
}

/** In order. A split whose task is full waits and holds nobody else up; so does one that has no task. */
export function placeByPartition(input: PartitionPlacementInput): SplitPlacement {
  const loads = { ...input, nodeWeights: [...input.nodeWeights] };
  const placed: Placement[] = [];
  const waiting: FileSplit[] = [];
  for (const split of input.splits) {
    const lane = chooseLane(loads, [input.laneOfPartition[split.partition ?? -1] ?? -1]);
    if (lane === -1) {
      waiting.push(split);
      continue;
    }
    const weight = splitWeight(split, input.standardSplitBytes);
    addLoad(loads, lane, weight);
    placed.push({ split, lane, weight });
  }
  return { placed, waiting, heldCount: 0 };
}
