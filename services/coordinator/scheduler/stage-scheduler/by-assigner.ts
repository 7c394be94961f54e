/**
 * For stages whose tasks are described (F23–F25): hands the splits of scans and what producers have stored to the stage's
 * split assigner, which says what each partition reads. The launcher runs the partitions.
 *
 *   scan           a batch as it is loaded
 *   remote source  one batch for each partition of a producer that is stored, one split for each of its buffers; these are
 *                  opened one by one, so there is nothing to pack into fewer splits (F24)
 */
import { mayLoadSplits } from '../fault-tolerant/scheduling-queue.ts';
import { assignSplits } from '../fault-tolerant/split-assigner.ts';
import type { AssignableSplit } from '../fault-tolerant/split-assignment.ts';
import { isAwaitingFilters } from '../dynamic-filters.ts';
import { isUnattended } from '../partition-launch.ts';
import { isAllSelected, isWhole, selectedAttempt } from '../partition-state.ts';
import type { PartitionState } from '../partition-state.ts';
import type { SourceId } from '../../../common/ids.ts';
import { isQueryEnded } from '../query-state.ts';
import { rootStage } from '../scheduler-state.ts';
import type { QuerySchedulerState } from '../scheduler-state.ts';
import { isEagerStage } from '../speculative-start.ts';
import { consumersOf, keyOfLink, linksTo, outputOf } from '../stage-link.ts';
import type { Link } from '../stage-link.ts';
import type { ScanState, StageState } from '../stage-state.ts';
import { closeSource, completeScheduling } from '../stage-transitions.ts';
import { applyAssignment, beginPlanning } from '../task-planning.ts';
import type { TaskState } from '../task-state.ts';
import type { Turn } from '../turn.ts';
import { loadSplits } from './scan-feeding.ts';
import type { StageScheduler } from './stage-scheduler.ts';

export const byAssigner: StageScheduler = {
  schedule(turn, stage) {
    const planning = stage.planning ?? beginPlanning(turn, stage);
    for (const source of stage.fragment.remoteSources) dealStored(turn, stage, source);
    for (const scan of stage.scans) dealScan(turn, stage, scan);
    if (isQueryEnded(turn.state.query.kind)) return;
    const isDealt = planning.assigner.openSources.length === 0;
    if (!isDealt && !hasEndedEarly(turn.state, stage)) return;
    for (const scan of stage.scans) closeSource(turn, scan);
    completeScheduling(turn, stage);
    if (isWhole(stage)) for (const each of consumersOf(turn.state, stage)) turn.touched.add(each);
  },
};

/** The root has the rows of its LIMIT, whatever else there is to read: nobody is needed any more who would make it (§2.5). */
function hasEndedEarly(state: QuerySchedulerState, stage: StageState): boolean {
  const isRoot = stage === rootStage(state);
  return isRoot && stage.planning?.hasAllPartitions === true && isAllSelected(stage);
}

function deal(
  turn: Turn,
  stage: StageState,
  batch: {
    readonly sourceId: SourceId;
    readonly splits: readonly AssignableSplit[];
    readonly noMoreSplits: boolean;
  },
): void {
  const { planning } = stage;
  if (planning === null || isQueryEnded(turn.state.query.kind)) return;
  if (batch.splits.length === 0 && !batch.noMoreSplits) return;
  applyAssignment(turn, stage, assignSplits(planning.assigner, batch));
}

function isOpen({ planning }: StageState, sourceId: SourceId): boolean {
  return planning?.assigner.openSources.includes(sourceId) === true;
}

/** What its producers have stored since; its end when all of them are whole. Rows of the coordinator come by themselves. */
function dealStored(
  turn: Turn,
  stage: StageState,
  { sourceId }: { readonly sourceId: SourceId },
): void {
  if (!isOpen(stage, sourceId)) return;
  const links = linksTo(turn.state, stage).filter((link) => link.sourceId === sourceId);
  const splits = links.flatMap((link) => newlyStored(stage, link));
  const noMoreSplits = links.every(({ producer }) => isWhole(producer));
  deal(turn, stage, { sourceId, splits, noMoreSplits });
}

function newlyStored(stage: StageState, link: Link): readonly AssignableSplit[] {
  const { planning } = stage;
  const { producer, sourceId } = link;
  return notYetDealt(stage, link).flatMap((partition) => {
    const task = selectedAttempt(producer, partition);
    const key = `${sourceId}/${producer.stageId}/${partition.partitionId}`;
    if (planning === null || task === undefined || planning.dealt[key] === true) return [];
    planning.dealt[key] = true;
    return splitsOf(link, task);
  });
}

/** All partitions of the producer at first, then those that were stored since. */
function notYetDealt({ planning }: StageState, link: Link): readonly PartitionState[] {
  const { producer } = link;
  if (planning === null) return [];
  const key = keyOfLink(link);
  const fresh = planning.fresh[key];
  planning.fresh[key] = [];
  if (fresh === undefined) return producer.partitions;
  return fresh.map((id) => producer.partitions[id]).filter((partition) => partition !== undefined);
}

/** Of a hashed output, each buffer belongs to a partition of its reader; any other has one buffer. */
function splitsOf(link: Link, { taskId, storedBytes }: TaskState): readonly AssignableSplit[] {
  const { stageId, partitionId } = taskId;
  const { outputIndex } = link;
  return outputOf(link).bufferIds.map((bufferId) => ({
    input: { kind: 'stored', stageId, partitionId, outputIndex, bufferId },
    bytes: storedBytes[outputIndex]?.[bufferId] ?? 0,
    sourcePartition: bufferId,
  }));
}

function dealScan(turn: Turn, stage: StageState, scan: ScanState): void {
  const { sourceId } = scan;
  if (scan.isClosed || scan.isLoading) return;
  const splits = scan.pending.splice(0).map((input): AssignableSplit => ({
    input,
    bytes: input.bytes,
    sourcePartition: input.partition ?? 0,
  }));
  scan.splitCount += splits.length;
  // Its one row may be that of count(*) over nothing (T23).
  const isEmpty = scan.isExhausted && scan.splitCount === 0;
  deal(turn, stage, {
    sourceId,
    splits: isEmpty ? [{ input: { kind: 'empty' }, bytes: 0 }] : splits,
    noMoreSplits: scan.isExhausted,
  });
  if (scan.isExhausted) closeSource(turn, scan);
}

/** Asks for the next splits of scans, unless too many tasks wait for a node as it is (§2.5): at the end of each turn. */
export function loadMore(turn: Turn): void {
  if (isQueryEnded(turn.state.query.kind)) return;
  for (const stage of turn.state.stages) {
    if (stage.kind !== 'scheduling' || stage.planning === null) continue;
    for (const scan of stage.scans)
      if (wantsSplits(turn, stage, scan) && mayEnumerate(turn.state, stage))
        loadSplits(turn, stage, scan);
  }
}

function wantsSplits(turn: Turn, stage: StageState, scan: ScanState): boolean {
  const isDue = !scan.isClosed && !scan.isLoading && !scan.isExhausted;
  return isDue && !isAwaitingFilters(turn, stage, scan);
}

function mayEnumerate(state: QuerySchedulerState, stage: StageState): boolean {
  const hasUnsealedRunningTask = (stage.planning?.unsealed ?? []).some((id) => {
    const partition = stage.partitions[id];
    return partition !== undefined && !isUnattended(stage, partition);
  });
  const asking = { hasUnsealedRunningTask, isEager: isEagerStage(state, stage) };
  return mayLoadSplits(state.leasing.queue, asking, state.options.taskRetries.queueBounds);
}
