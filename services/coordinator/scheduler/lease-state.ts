/**
 * What partitions wait for and tasks hold of their nodes (F6, F9, F30): a place in the queue, a request, a lease. Each is given
 * up once; `task-leases.ts` hands them out.
 */
import { assert } from '../../common/assert.ts';
import type { Instant } from '../../common/ids.ts';
import { learnFromAttempt, revisedNeed } from './fault-tolerant/memory-estimator.ts';
import type { EndedAttempt } from './fault-tolerant/memory-estimator.ts';
import {
  createNodeAllocation,
  findLease,
  releaseLease,
  setLeaseClass,
  setLeaseMemory,
} from './fault-tolerant/node-lease.ts';
import type { LeaseId, NodeAllocation, NodeLease } from './fault-tolerant/node-lease.ts';
import { createSchedulingQueue, dequeue } from './fault-tolerant/scheduling-queue.ts';
import type { SchedulingQueue } from './fault-tolerant/scheduling-queue.ts';
import { isLive, isSelected } from './partition-state.ts';
import type { PartitionState } from './partition-state.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import type { StageState } from './stage-state.ts';
import type { TaskState } from './task-state.ts';

export interface TaskLeasing {
  readonly queue: SchedulingQueue;
  readonly allocation: NodeAllocation;
  /** When waiting alone changes something; null = a timer for it is not armed. */
  nextRoundAt: Instant | null;
}

/** What a partition has asked for: a node for its attempt of this number. */
export interface AttemptRequest {
  readonly leaseId: LeaseId;
  readonly attempt: number;
}

export function createTaskLeasing(): TaskLeasing {
  return { queue: createSchedulingQueue(), allocation: createNodeAllocation(), nextRoundAt: null };
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
  if (partition.request !== null) giveBack(allocation, partition.request.leaseId);
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
    if (lease !== undefined) setLeaseClass(lease, 'standard');
  }
}

/** What the task is seen to use counts beside what it was given. */
export function noteUsage({ leasing }: QuerySchedulerState, task: TaskState): void {
  const lease = task.leaseId === null ? undefined : findLease(leasing.allocation, task.leaseId);
  if (lease !== undefined) lease.usageBytes = task.stats.memoryBytes;
}

/** What an attempt has needed is what the rest of its stage is expected to need (F30). */
export function learnNeeds(
  state: QuerySchedulerState,
  stage: StageState,
  ended: EndedAttempt,
): void {
  const { planning } = stage;
  if (planning === null) return;
  learnFromAttempt(planning.estimator, ended);
  const largest = largestNodeBytes(state);
  for (const partition of stage.partitions) {
    if (isSelected(stage, partition)) continue;
    const { needBytes, failureCount, request } = partition;
    const task = { needBytes, hasFailed: failureCount > 0 };
    partition.needBytes = revisedNeed(planning.estimator, task, largest);
    const lease: NodeLease | undefined =
      request === null ? undefined : findLease(state.leasing.allocation, request.leaseId);
    if (lease !== undefined) setLeaseMemory(lease, partition.needBytes);
  }
}

/** What the largest worker has for tasks; without bound where nobody says. */
export function largestNodeBytes(state: QuerySchedulerState): number {
  const known = state.nodes.map(({ node }) => node.memoryBytes ?? Number.MAX_SAFE_INTEGER);
  return known.length === 0 ? Number.MAX_SAFE_INTEGER : Math.max(...known);
}

export function giveBack(allocation: NodeAllocation, leaseId: LeaseId): void {
  assert(releaseLease(allocation, leaseId), 'a lease is released once');
}
