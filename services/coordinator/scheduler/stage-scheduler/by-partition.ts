/**
 * For stages whose partitions are tried again: works out what each partition reads, and leaves to the launcher which of
 * them runs when and where. The splits of a scan are written down with the partition that they are dealt to, so that
 * any attempt reads what the first one read (F10, F11, F29).
 *
 *   single             one partition reads all
 *   hash, arbitrary    as many as the query's map has (writers, too)
 *   fixed-source       one for each partition of the scans
 *   source             closed when it has enough to read, the next one opened
 */
import { assert, assertNever } from '../../../common/assert.ts';
import type { EmptySplit, FileSplit } from '../../../common/plan/split.ts';
import { isAwaitingFilters } from '../dynamic-filters.ts';
import type { PartitionState } from '../partition-state.ts';
import { splitWeight } from '../placement/split-placement.ts';
import { failQuery } from '../query-transitions.ts';
import { laneCount } from '../scheduler-state.ts';
import { addPartition } from '../stage-linkage.ts';
import type { ScanState, StageState } from '../stage-state.ts';
import { closeSource, completeScheduling } from '../stage-transitions.ts';
import type { Turn } from '../turn.ts';
import { loadSplits } from './scan-feeding.ts';
import type { StageScheduler } from './stage-scheduler.ts';

/** A partition of a source stage is closed at this weight (F28), so that a lost one costs little … */
const MAX_PARTITION_WEIGHT = 1_600;
/** … or at this number of splits; or earlier, so that a batch is enough for all lanes. */
const MAX_PARTITION_SPLITS = 256;

export const byPartition: StageScheduler = {
  schedule(turn, stage) {
    if (stage.partitions.length === 0) createPartitions(turn, stage);
    if (!assignScans(turn, stage)) return;
    for (const partition of stage.partitions) partition.isSealed = true;
    completeScheduling(turn, stage);
  },
};

/** Those that are known before any split is. */
function createPartitions(turn: Turn, stage: StageState): void {
  const { partitioning, scans } = stage.fragment;
  for (let count = partitionCount(turn, stage); count > 0; count -= 1) addPartition(stage);
  if (partitioning.kind === 'source' || scans.length > 0) return;
  for (const partition of stage.partitions) partition.isSealed = true;
}

function partitionCount(turn: Turn, { fragment: { partitioning } }: StageState): number {
  switch (partitioning.kind) {
    case 'single':
      return 1;
    case 'hash':
    case 'arbitrary':
    case 'scaled-writer':
      return turn.state.partitionToNode.length;
    case 'fixed-source':
      return partitioning.partitionCount;
    case 'source':
      return 0;
    default:
      return assertNever(partitioning);
  }
}

/** True when every split of every scan has its partition. */
function assignScans(turn: Turn, stage: StageState): boolean {
  for (const scan of stage.scans) {
    if (scan.isClosed) continue;
    const maxWeight = partitionWeight(turn, scan);
    for (const split of scan.pending.splice(0)) {
      if (!assignSplit(turn, stage, { scan, split, maxWeight })) return false;
    }
    if (scan.isLoading) return false;
    if (!scan.isExhausted) {
      if (!isAwaitingFilters(turn, stage, scan)) loadSplits(turn, stage, scan);
      return false;
    }
    // Its one row may be that of count(*) over nothing (T23).
    if (scan.splitCount === 0) addSplit(openPartition(stage), scan, { kind: 'empty' });
    closeSource(turn, scan);
  }
  return true;
}

interface NewSplit {
  readonly scan: ScanState;
  readonly split: FileSplit;
  readonly maxWeight: number;
}

/** What a partition of this batch weighs at most: a lane's share of it. */
function partitionWeight({ state }: Turn, { pending }: ScanState): number {
  const { options, nodes } = state;
  const lanes = nodes.reduce((sum, { node }) => sum + laneCount(options, node), 0);
  const weight = pending.reduce(
    (sum, split) => sum + splitWeight(split, options.standardSplitBytes),
    0,
  );
  return Math.min(MAX_PARTITION_WEIGHT, Math.ceil(weight / Math.max(1, lanes)));
}

/** False: the split has no partition, and the query has failed. */
function assignSplit(turn: Turn, stage: StageState, { scan, split, maxWeight }: NewSplit): boolean {
  const isFixed = stage.fragment.partitioning.kind === 'fixed-source';
  const partition = isFixed ? stage.partitions[split.partition ?? -1] : openPartition(stage);
  if (partition === undefined) {
    const message = `a split of ${split.path} belongs to no task of stage ${stage.stageId}`;
    failQuery(turn, { code: 'INTERNAL_ERROR', message }, stage);
    return false;
  }
  addSplit(partition, scan, split);
  partition.weight += splitWeight(split, turn.state.options.standardSplitBytes);
  scan.splitCount += 1;
  if (stage.fragment.partitioning.kind === 'source')
    partition.isSealed = isFull(partition, maxWeight);
  return true;
}

/** The partition that takes the next split, whichever it is. */
function openPartition(stage: StageState): PartitionState {
  const last = stage.partitions.at(-1);
  if (last !== undefined && !last.isSealed) return last;
  assert(stage.fragment.partitioning.kind === 'source', 'only a source stage opens partitions');
  return addPartition(stage);
}

function addSplit(
  partition: PartitionState,
  { sourceId }: ScanState,
  split: FileSplit | EmptySplit,
): void {
  (partition.splits[sourceId] ??= []).push(split);
}

function isFull({ weight, splits }: PartitionState, maxWeight: number): boolean {
  const count = Object.values(splits).reduce((sum, each) => sum + each.length, 0);
  return weight >= maxWeight || count >= MAX_PARTITION_SPLITS;
}
