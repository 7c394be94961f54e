/**
 * Nodes for described tasks (F2, F6–F9, F31): a partition that may run is queued, asks for a node, is given one by bin packing
 * and becomes a task.
 *
 *   waits ─▶ queued ─▶ asks ─▶ leased = its attempt runs        (SPEC.md, leases)
 *
 * A lease ends once: when its task has ended, or when it was not needed after all. It is for one attempt of its partition,
 * by number; one that is granted for an attempt which is not wanted any more is given back, and nothing else follows
 * (K1–K7).
 */
import { assert } from '../../common/assert.ts';
import type { Instant } from '../../common/ids.ts';
import { dropAttempt } from './attempts.ts';
import type { ExecutionClass } from './fault-tolerant/execution-class.ts';
import { grantLeases, leasesToGiveUp } from './fault-tolerant/node-allocation.ts';
import type { AllocatableNode } from './fault-tolerant/node-allocation.ts';
import {
  attachTask,
  findLease,
  requestNode,
  setLeaseClass,
  setLeaseExclusion,
} from './fault-tolerant/node-lease.ts';
import type { LeaseId, NodeAllocation } from './fault-tolerant/node-lease.ts';
import { enqueue, takeNext } from './fault-tolerant/scheduling-queue.ts';
import type { WaitingForNode } from './fault-tolerant/scheduling-queue.ts';
import { ANY_NODE } from './fault-tolerant/split-assignment.ts';
import { giveBack, withdraw } from './lease-state.ts';
import type { AttemptRequest } from './lease-state.ts';
import { awaitNode, feedAttempt, isUnattended, mayLaunch } from './partition-launch.ts';
import { isLive } from './partition-state.ts';
import type { PartitionState } from './partition-state.ts';
import { activeNodes } from './placement/node-selector.ts';
import { isQueryEnded } from './query-state.ts';
import { failQuery } from './query-transitions.ts';
import { laneCount } from './scheduler-state.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import { compareTasks, excludedNodes, noteComparison, wantsCopy } from './slow-attempts.ts';
import { classOfPartition } from './speculative-start.ts';
import { addAttempt } from './stage-linkage.ts';
import { loadMore } from './stage-scheduler/by-assigner.ts';
import type { StageState } from './stage-state.ts';
import { descriptorOf, hasStoredInputs } from './task-inputs.ts';
import type { Turn } from './turn.ts';

/** Starts what can start now; the rest waits in the queue, or for a node. What there is room for is loaded. */
export function leaseTasks(turn: Turn): void {
  awaitNode(turn);
  compareTasks(turn);
  for (const [index, stage] of turn.state.stages.entries()) queueStage(turn, stage, index);
  if (turn.state.pausedUntil === null) startTasks(turn);
  loadMore(turn);
}

function startTasks(turn: Turn): void {
  // Whoever is served makes room for others among those who ask.
  do requestNodes(turn);
  while (grantNodes(turn));
  takeBack(turn);
  compareTasks(turn);
}

/** What may run is queued; what may not any more waits no longer. */
function queueStage(turn: Turn, stage: StageState, priority: number): void {
  const { state } = turn;
  const { queue } = state.leasing;
  const { stageId } = stage;
  const isOpen = mayLaunch(state, stage);
  for (const partition of stage.partitions) {
    const { partitionId, request, queuedAs } = partition;
    const executionClass = isOpen ? startableAs(turn, stage, partition) : undefined;
    if (executionClass === undefined) withdraw(state, stage, partition);
    else if (request !== null) reconsider(turn, stage, { partition, request, executionClass });
    else if (queuedAs !== executionClass) {
      partition.queuedAs = executionClass;
      enqueue(queue, { stageId, partitionId, executionClass, priority });
    }
  }
}

/**
 * In which class the partition may ask for a node: nobody is at it, or it is to have a second attempt, and all that it reads is
 * there (K1); `undefined` = it may not.
 */
function startableAs(
  turn: Turn,
  stage: StageState,
  partition: PartitionState,
): ExecutionClass | undefined {
  const isMissing = isUnattended(stage, partition);
  if (!isMissing && !wantsCopy(turn, stage, partition)) return undefined;
  const executionClass = isMissing ? classOfPartition(turn.state, stage, partition) : 'speculative';
  // What is queued is looked at again when it has asked for a node.
  const isReady =
    executionClass !== undefined &&
    (partition.queuedAs !== null || hasStoredInputs(turn.state, stage, partition));
  return isReady ? executionClass : undefined;
}

/** Where it may go, and how urgent it is, may have changed since it asked. */
function reconsider(
  turn: Turn,
  stage: StageState,
  {
    partition,
    request,
    executionClass,
  }: GrantedRequest & { readonly executionClass: ExecutionClass },
): void {
  const lease = findLease(turn.state.leasing.allocation, request.leaseId);
  if (lease === undefined) return;
  setLeaseClass(lease, executionClass);
  setLeaseExclusion(lease, excludedNodes(turn, stage, partition));
}

function requestNodes(turn: Turn): void {
  const { state, now } = turn;
  const { queue, allocation } = state.leasing;
  const { queueBounds } = state.options.taskRetries;
  for (;;) {
    const next = takeNext(queue, waitingByClass(allocation), queueBounds);
    if (next === undefined) return;
    const stage = state.stages.find(({ stageId }) => stageId === next.stageId);
    const partition = stage?.partitions[next.partitionId];
    assert(stage !== undefined && partition !== undefined, 'what is queued is a partition');
    partition.queuedAs = null;
    const request = {
      queryId: state.queryId,
      executionClass: next.executionClass,
      memoryBytes: partition.needBytes,
      requirements: descriptorOf(state, stage, partition)?.requirements ?? ANY_NODE,
    };
    const leaseId = requestNode(allocation, request, now);
    partition.request = { leaseId, attempt: partition.attempts.length };
    const { executionClass } = request;
    reconsider(turn, stage, { partition, request: partition.request, executionClass });
  }
}

function waitingByClass({ leases }: NodeAllocation): WaitingForNode {
  const waiting = { standard: 0, speculative: 0, 'eager-speculative': 0 };
  for (const { nodeId, executionClass } of leases)
    if (nodeId === null) waiting[executionClass] += 1;
  return waiting;
}

/** True when somebody was served. */
function grantNodes(turn: Turn): boolean {
  const { state, now } = turn;
  const { allocation } = state.leasing;
  const { limits } = state.options.taskRetries;
  const round = grantLeases(allocation, { nodes: allocatableNodes(state), limits, now });
  const granted = new Set<LeaseId>(round.granted.map(({ leaseId }) => leaseId));
  if (granted.size > 0) startGranted(turn, granted);
  if (round.unmatched.length > 0 && !isQueryEnded(state.query.kind)) {
    const message = 'no worker that a task of the query needs has come';
    failQuery(turn, { code: 'NO_NODES_AVAILABLE', message });
    return false;
  }
  armNextRound(turn, round.nextRoundAt);
  return granted.size > 0;
}

function armNextRound({ state, effects }: Turn, at: Instant | undefined): void {
  if (at === undefined || at === state.leasing.nextRoundAt) return;
  state.leasing.nextRoundAt = at;
  effects.push({ kind: 'arm-timer', timer: { kind: 'node-allocation' }, at });
}

function allocatableNodes(state: QuerySchedulerState): readonly AllocatableNode[] {
  return activeNodes(state).map(({ node }) => ({
    nodeId: node.nodeId,
    memoryBytes: node.memoryBytes ?? Number.MAX_SAFE_INTEGER,
    usedBytes: 0,
    lanes: laneCount(state.options, node),
  }));
}

/** A lease that nobody can use any more stops no other task from starting (K7). */
function startGranted(turn: Turn, granted: ReadonlySet<LeaseId>): void {
  const givingWay = leasesGivingWay(turn.state);
  for (const stage of turn.state.stages) {
    for (const partition of stage.partitions) {
      const { request } = partition;
      if (request === null || !granted.has(request.leaseId)) continue;
      partition.request = null;
      start(turn, stage, { partition, request, givingWay });
    }
  }
}

/** An attempt's request that was granted a node, beside others of which some may have to give way at once. */
interface Grant extends GrantedRequest {
  readonly givingWay: ReadonlySet<LeaseId>;
}

interface GrantedRequest {
  readonly partition: PartitionState;
  readonly request: AttemptRequest;
}

function start(turn: Turn, stage: StageState, { partition, request, givingWay }: Grant): void {
  const { state } = turn;
  const { allocation } = state.leasing;
  const lease = findLease(allocation, request.leaseId);
  const host = state.nodes.find(({ node }) => node.nodeId === lease?.nodeId);
  const isWanted =
    request.attempt === partition.attempts.length &&
    startableAs(turn, stage, partition) !== undefined &&
    !givingWay.has(request.leaseId);
  // Another attempt was made, what it reads was lost, or others were given its room, since it asked (K2, K6, F31).
  if (lease === undefined || host === undefined || !isWanted)
    return giveBack(allocation, request.leaseId);
  const isCopy = !isUnattended(stage, partition);
  partition.isSlow = isCopy;
  partition.isCopied = isCopy;
  const task = addAttempt(turn, stage, { partition, host });
  noteComparison(stage);
  stage.memoryWaitMs += turn.now - (lease.lacksMemorySince ?? turn.now);
  task.leaseId = lease.leaseId;
  task.memoryBytes = lease.memoryBytes;
  attachTask(lease, task.taskId);
  feedAttempt(turn, stage, task);
}

/** Speculations give way to tasks that were given what was theirs (F31). */
function takeBack(turn: Turn): void {
  const { state } = turn;
  const givenUp = leasesGivingWay(state);
  if (givenUp.size === 0) return;
  for (const stage of state.stages)
    for (const task of stage.tasks)
      if (task.leaseId !== null && givenUp.has(task.leaseId) && isLive(task))
        dropAttempt(turn, stage, task);
}

function leasesGivingWay(state: QuerySchedulerState): ReadonlySet<LeaseId> {
  const { limits } = state.options.taskRetries;
  return new Set(
    leasesToGiveUp(state.leasing.allocation, { nodes: allocatableNodes(state), limits }),
  );
}
