/** Splits of a scan that is read by partitions: each has one task, whatever the others are at (T28). */
import type { FileSplit } from '../../../common/plan/split.ts';
import type { SplitPlacement } from './split-placement.ts';
import { splitWeight } from './split-placement.ts';

export interface PartitionPlacementInput {
  readonly splits: readonly FileSplit[];
  /** How many more splits the task of each partition may be sent before it acknowledges some. */
  readonly room: readonly number[];
  readonly standardSplitBytes: number;
}

/** In order. A split whose task is full waits and holds nobody else up; so does one that has no task. */
export function placeByPartition(input: PartitionPlacementInput): SplitPlacement {
  const room = [...input.room];
  const placed: SplitPlacement['placed'][number][] = [];
  const waiting: FileSplit[] = [];
  for (const split of input.splits) {
    const lane = split.partition ?? -1;
    const left = room[lane] ?? 0;
    if (left <= 0) {
      waiting.push(split);
      continue;
    }
    room[lane] = left - 1;
    placed.push({ split, lane, weight: splitWeight(split, input.standardSplitBytes) });
  }
  return { placed, waiting };
}
