/**
 * The partitions of a stage whose splits are dealt by a split assigner (F23, F25): what the assigner says is carried out,
 * and what each partition reads is written down with it, so that any attempt can be made of it (F12, F13).
 */
import type { Instant, PartitionId } from '../../common/ids.ts';
import { assert } from '../../common/assert.ts';
import { createMemoryEstimator, initialNeed } from './fault-tolerant/memory-estimator.ts';
import type { MemoryEstimator } from './fault-tolerant/memory-estimator.ts';
import type { SourceEstimate } from './fault-tolerant/hash-partition-plan.ts';
import { mergeEstimates } from './fault-tolerant/output-size.ts';
import { createSplitAssigner, openSplitAssigner } from './fault-tolerant/split-assigner.ts';
import type { SplitAssigner } from './fault-tolerant/split-assigner.ts';
import type { AssignmentResult } from './fault-tolerant/split-assignment.ts';
import {
  extendDescriptor,
  openDescriptor,
  overflowingQuery,
  putDescriptor,
} from './fault-tolerant/task-descriptor.ts';
import { noteDue } from './launch-due.ts';
import { largestNodeBytes, promoteLeases } from './lease-state.ts';
import { attemptsOf } from './partition-state.ts';
import type { PartitionState } from './partition-state.ts';
import { activeNodes } from './placement/node-selector.ts';
import { failQuery } from './query-transitions.ts';
import type { Comparison } from './slow-attempts.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import { linksTo } from './stage-link.ts';
import { addPartition } from './stage-linkage.ts';
import { isEagerStage } from './speculative-start.ts';
import { estimateOutput } from './stage-output.ts';
import type { StageState } from './stage-state.ts';
import { describedBy, feedDescribed } from './task-inputs.ts';
import type { Turn } from './turn.ts';

export interface TaskPlanning {
  readonly assigner: SplitAssigner;
  /** What tasks of the stage have needed (F30). */
  readonly estimator: MemoryEstimator;
  /** `source/stage/partition`: stored outputs that were dealt. */
  readonly dealt: Record<string, true>;
  /** Partitions that may get more to read. */
  readonly unsealed: PartitionId[];
  /** Of producers that were looked through once: what has been stored since and is not dealt yet. */
  readonly fresh: Record<string, PartitionId[]>;
  /** Every partition that there will be is there. */
  hasAllPartitions: boolean;
  /** Its tasks are to be compared, so that slow ones are found (S16). */
  isComparisonDue: boolean;
  /** When they were, the last time, and by what; null = they were not, or what they were measured by was lost. */
  comparedAt: Instant | null;
  comparison: Comparison | null;
  /** When they are looked at again at the latest; null = no timer is armed. */
  nextLookAt: Instant | null;
}

/** Begins to deal: the partitions that are there whatever comes. */
export function beginPlanning(turn: Turn, stage: StageState): TaskPlanning {
  const { options, partitionToNode } = turn.state;
  const { sizing, taskMemoryBytes, memory } = options.taskRetries;
  const assigner = createSplitAssigner({
    fragment: stage.fragment,
    sizing,
    partitionCount: partitionToNode.length,
    estimates: inputEstimates(turn.state, stage),
    nodeCount: activeNodes(turn.state).length,
  });
  const estimator = createMemoryEstimator(taskMemoryBytes, memory);
  const planning: TaskPlanning = {
    assigner,
    estimator,
    dealt: {},
    unsealed: [],
    fresh: {},
    hasAllPartitions: false,
    isComparisonDue: false,
    comparedAt: null,
    comparison: null,
    nextLookAt: null,
  };
  stage.planning = planning;
  applyAssignment(turn, stage, openSplitAssigner(assigner));
  return planning;
}

/** Carries out what the assigner says; live attempts hear what is new for them. */
export function applyAssignment(turn: Turn, stage: StageState, result: AssignmentResult): void {
  const { planning } = stage;
  assert(planning !== null, `stage ${stage.stageId} deals its splits`);
  for (const added of result.partitionsAdded) {
    const partition = addPartition(stage);
    assert(partition.partitionId === added.partitionId, 'the assigner counts partitions alike');
    partition.descriptor = openDescriptor(added);
    planning.unsealed.push(added.partitionId);
    partition.needBytes = initialNeed(planning.estimator, largestNodeBytes(turn.state));
  }
  const changed = new Set<PartitionState>();
  for (const update of result.updates) {
    const partition = partitionAt(stage, update.partitionId);
    assert(partition.descriptor !== null, 'a sealed partition gets nothing more');
    extendDescriptor(partition.descriptor, update);
    for (const { bytes } of update.splits) partition.inputBytes += bytes;
    partition.isReady ||= update.isReady;
    changed.add(partition);
  }
  for (const partitionId of result.sealed) seal(turn, stage, partitionAt(stage, partitionId));
  for (const partition of changed) noteDue(stage, partition);
  planning.hasAllPartitions ||= result.noMorePartitions;
  for (const partition of changed)
    for (const task of attemptsOf(stage, partition)) feedDescribed(turn, stage, task);
  if (overflowingQuery(turn.state.descriptors) !== undefined) {
    const message = 'what is to be remembered of the tasks of the query takes too much memory';
    failQuery(turn, { code: 'OUT_OF_MEMORY', message }, stage);
  }
}

function seal({ state, now }: Turn, stage: StageState, partition: PartitionState): void {
  const { planning } = stage;
  const { descriptor, partitionId } = partition;
  assert(descriptor !== null && planning !== null, 'a partition is sealed once');
  putDescriptor(state.descriptors, describedBy(state, stage, partitionId), descriptor);
  partition.descriptor = null;
  partition.isSealed = true;
  partition.sealedAt = now;
  planning.unsealed.splice(planning.unsealed.indexOf(partitionId), 1);
  noteDue(stage, partition);
  // What began as a speculation is none any more.
  promoteLeases(state, attemptsOf(stage, partition));
}

function partitionAt(stage: StageState, partitionId: PartitionId): PartitionState {
  const partition = stage.partitions[partitionId];
  assert(partition !== undefined, `stage ${stage.stageId} has partition ${partitionId}`);
  return partition;
}

/** Sizes of hashed sources, known or expected; without them, partitions stay as they are dealt (F26). */
function inputEstimates(state: QuerySchedulerState, stage: StageState): readonly SourceEstimate[] {
  const links = linksTo(state, stage);
  const isEager = isEagerStage(state, stage);
  return stage.fragment.remoteSources.flatMap(({ sourceId, delivery }) => {
    if (delivery !== 'partitioned') return [];
    const ofSource = links.filter((link) => link.sourceId === sourceId);
    const known = ofSource.flatMap((link) => estimateOutput(state, link, isEager) ?? []);
    if (known.length < ofSource.length) return [];
    return { sourceId, estimate: mergeEstimates(known.map(({ estimate }) => estimate)) };
  });
}
