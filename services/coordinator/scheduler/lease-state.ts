/**
 * What partitions wait for and tasks hold of their nodes (F6, F9, F30): a place in the queue, a request, a lease. Each is given
 * up once; `task-leases.ts` hands them out.
 */
import { assert } from '../../common/assert.ts';
import type { Instant } from '../../common/ids.ts';
import { initialNeed, learnFromAttempt, revisedNeed } from './fault-tolerant/memory-estimator.ts';
import type { EndedAttempt } from './fault-tolerant/memory-estimator.ts';
import {
  createNodeAllocation,
  findLease,
  releaseLease,
  setLeaseClass,
  setLeaseMemory,
  setLeaseUsage,
} from './fault-tolerant/node-lease.ts';
import type { LeaseId, NodeAllocation } from './fault-tolerant/node-lease.ts';
import { createSchedulingQueue, dequeue } from './fault-tolerant/scheduling-queue.ts';
import type { PartitionRef, SchedulingQueue } from './fault-tolerant/scheduling-queue.ts';
import { nodeIndexOf } from './node-index.ts';
import { isLive, isSelected } from './partition-state.ts';
import type { PartitionState } from './partition-state.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import type { StageState } from './stage-state.ts';
import type { TaskState } from './task-state.ts';

export interface TaskLeasing {
  readonly queue: SchedulingQueue;
  readonly allocation: NodeAllocation;
  /** For which partition a request waits. */
  readonly askers: Record<number, PartitionRef>;
  /** The last round granted nothing; as long as all is as it was then, the next one would not either. */
  quiet: QuietRound | null;
  /** When waiting alone changes something; null = a timer for it is not armed. */
  nextRoundAt: Instant | null;
}

/** How far allocation and nodes had changed when a round was in vain. */
export interface QuietRound {
  readonly changes: number;
  readonly nodesVersion: number;
}

/** What a partition has asked for: a node for its attempt of this number. */
export interface AttemptRequest {
  readonly leaseId: LeaseId;
  readonly attempt: number;
}

export function createTaskLeasing(): TaskLeasing {
  return {
    queue: createSchedulingQueue(),
    allocation: createNodeAllocation(),
    askers: {},
    quiet: null,
    nextRoundAt: null,
  };
}

/** It neither waits in the queue nor for a node. */
export function withdraw(
  state: QuerySchedulerState,
  stage: StageState,
  partition: PartitionState,
): void {
  const { queue, allocation } = state.leasing;
  const { stageId } = stage;
  if (partition.queuedAs !== null) dequeue(queue, { stageId, partitionId: partition.partitionId });
  partition.queuedAs = null;
  if (partition.request !== null) {
    delete state.leasing.askers[partition.request.leaseId];
    giveBack(allocation, partition.request.leaseId);
  }
  partition.request = null;
}

/** Its worker has let go of the task, or is gone: what it held is free (F9). */
export function endLease({ leasing }: QuerySchedulerState, task: TaskState): void {
  if (task.leaseId === null) return;
  giveBack(leasing.allocation, task.leaseId);
  task.leaseId = null;
}

/** Nobody asks for a node any more: the query is over. */
export function withdrawAll(state: QuerySchedulerState): void {
  for (const stage of state.stages)
    for (const partition of stage.partitions) withdraw(state, stage, partition);
}

/** Their work is needed as it is: they are no speculations any more (F13). */
export function promoteLeases({ leasing }: QuerySchedulerState, tasks: readonly TaskState[]): void {
  for (const { leaseId } of tasks.filter(isLive)) {
    const lease = leaseId === null ? undefined : findLease(leasing.allocation, leaseId);
    if (lease !== undefined) setLeaseClass(leasing.allocation, lease, 'standard');
  }
}

/** What the task is seen to use counts beside what it was given. */
export function noteUsage({ leasing }: QuerySchedulerState, task: TaskState): void {
  const lease = task.leaseId === null ? undefined : findLease(leasing.allocation, task.leaseId);
  if (lease !== undefined) setLeaseUsage(leasing.allocation, lease, task.stats.memoryBytes);
}

/** What an attempt has needed is what the rest of its stage is expected to need (F30). */
export function learnNeeds(
  state: QuerySchedulerState,
  stage: StageState,
  ended: EndedAttempt,
): void {
  const { planning } = stage;
  if (planning === null) return;
  const largest = largestNodeBytes(state);
  const before = initialNeed(planning.estimator, largest);
  learnFromAttempt(planning.estimator, ended);
  if (initialNeed(planning.estimator, largest) === before) return;
  const { askers, allocation } = state.leasing;
  for (const leaseId of allocation.waiting) {
    const asker = askers[leaseId];
    const lease = findLease(allocation, leaseId);
    const partition = asker?.stageId === stage.stageId && stage.partitions[asker.partitionId];
    if (!partition || lease === undefined || isSelected(stage, partition)) continue;
    setLeaseMemory(allocation, lease, reviseNeed(state, stage, partition));
  }
}

/** What it has asked for is what its next attempt needs, after an attempt beside the one that was asked for has failed. */
export function renewRequest(
  state: QuerySchedulerState,
  stage: StageState,
  partition: PartitionState,
): void {
  const { allocation } = state.leasing;
  const { request } = partition;
  const lease = request === null ? undefined : findLease(allocation, request.leaseId);
  if (lease !== undefined) setLeaseMemory(allocation, lease, reviseNeed(state, stage, partition));
}

/** What the partition's next attempt is expected to need by now: asked when it matters, and not whenever something was learnt. */
export function reviseNeed(
  state: QuerySchedulerState,
  { planning }: StageState,
  partition: PartitionState,
): number {
  if (planning === null) return partition.needBytes;
  const { needBytes, failureCount } = partition;
  const task = { needBytes, hasFailed: failureCount > 0 };
  partition.needBytes = revisedNeed(planning.estimator, task, largestNodeBytes(state));
  return partition.needBytes;
}

/** What the largest worker has for tasks; without bound where nobody says. */
export function largestNodeBytes(state: QuerySchedulerState): number {
  return nodeIndexOf(state).largestBytes;
}

export function giveBack(allocation: NodeAllocation, leaseId: LeaseId): void {
  assert(releaseLease(allocation, leaseId), 'a lease is released once');
}
