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
import type { GrantedLease } from './fault-tolerant/node-allocation.ts';
import {
  attachTask,
  findLease,
  requestNode,
  setLeaseClass,
  setLeaseExclusion,
} from './fault-tolerant/node-lease.ts';
import type { LeaseId, NodeAllocation } from './fault-tolerant/node-lease.ts';
import type { AllocatableNode } from './fault-tolerant/node-rooms.ts';
import { enqueue, takeNext } from './fault-tolerant/scheduling-queue.ts';
import type { PartitionRef } from './fault-tolerant/scheduling-queue.ts';
import { ANY_NODE } from './fault-tolerant/split-assignment.ts';
import { noteDue, noteStageDue, takeDue } from './launch-due.ts';
import { giveBack, reviseNeed, withdraw } from './lease-state.ts';
import type { AttemptRequest } from './lease-state.ts';
import { awaitNode, feedAttempt, isUnattended, mayLaunch } from './partition-launch.ts';
import { isLive, partitionOf } from './partition-state.ts';
import type { PartitionState } from './partition-state.ts';
import { activeNodes } from './placement/node-selector.ts';
import { isQueryEnded } from './query-state.ts';
import { failQuery } from './query-transitions.ts';
import { findNode, findStage, laneCount } from './scheduler-state.ts';
import type { NodeState, QuerySchedulerState } from './scheduler-state.ts';
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
  reconsiderExclusions(turn);
  queueDue(turn);
  if (turn.state.pausedUntil === null) startTasks(turn);
  loadMore(turn);
}

function startTasks(turn: Turn): void {
  do {
    // Whoever is served makes room for others among those who ask.
    do requestNodes(turn);
    while (grantNodes(turn));
    takeBack(turn);
    // Who had to give way asks again, now that the room is taken.
  } while (queueDue(turn));
  compareTasks(turn);
}

/** False: nothing was to be looked at. */
function queueDue(turn: Turn): boolean {
  const { stages } = turn.state;
  const hasDue = stages.some(
    ({ launchDue }) => launchDue.isAllDue || launchDue.partitions.length > 0,
  );
  for (const [index, stage] of stages.entries()) queueStage(turn, stage, index);
  return hasDue;
}

/** What may run is queued; what may not any more waits no longer. */
function queueStage(turn: Turn, stage: StageState, priority: number): void {
  const { state } = turn;
  const { launchDue } = stage;
  const isOpen = mayLaunch(state, stage);
  if (isOpen !== launchDue.wasOpen) noteStageDue(stage);
  launchDue.wasOpen = isOpen;
  const due = takeDue(turn, stage);
  for (const partition of due) {
    const executionClass = isOpen ? startableAs(turn, stage, partition) : undefined;
    if (executionClass === undefined) withdraw(state, stage, partition);
    else queuePartition(turn, stage, { partition, executionClass, priority });
  }
}

function queuePartition(
  turn: Turn,
  stage: StageState,
  {
    partition,
    executionClass,
    priority,
  }: {
    readonly partition: PartitionState;
    readonly executionClass: ExecutionClass;
    readonly priority: number;
  },
): void {
  const { stageId } = stage;
  const { partitionId, request, queuedAs } = partition;
  if (request !== null) reconsider(turn, stage, { partition, request, executionClass });
  else if (queuedAs !== executionClass) {
    partition.queuedAs = executionClass;
    enqueue(turn.state.leasing.queue, { stageId, partitionId, executionClass, priority });
  }
}

/** Time alone may end the exclusion of a place: those who wait for a node are looked at again. */
function reconsiderExclusions({ state }: Turn): void {
  if (state.failures.length === 0) return;
  const { allocation, askers } = state.leasing;
  for (const leaseId of allocation.waiting) {
    const asker = askers[leaseId];
    const stage = asker === undefined ? undefined : findStage(state, asker.stageId);
    const partition = stage?.partitions[asker?.partitionId ?? -1];
    if (stage !== undefined && partition !== undefined) noteDue(stage, partition);
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
  // What is queued is looked at again when it has asked for a node; then, what it reads is only lost with a failure.
  const isReady =
    executionClass !== undefined &&
    (partition.queuedAs !== null ||
      (partition.request !== null && !turn.isAllDue) ||
      hasStoredInputs(turn.state, stage, partition));
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
  const { allocation } = turn.state.leasing;
  setLeaseClass(allocation, lease, executionClass);
  setLeaseExclusion(allocation, lease, excludedNodes(turn, stage, partition));
}

function requestNodes(turn: Turn): void {
  const { state, now } = turn;
  const { queue, allocation, askers } = state.leasing;
  const { queueBounds } = state.options.taskRetries;
  const waiting = waitingByClass(allocation);
  for (;;) {
    const next = takeNext(queue, waiting, queueBounds);
    if (next === undefined) return;
    const { stageId, partitionId, executionClass } = next;
    const stage = findStage(state, stageId);
    const partition = stage?.partitions[partitionId];
    assert(stage !== undefined && partition !== undefined, 'what is queued is a partition');
    partition.queuedAs = null;
    const request = {
      queryId: state.queryId,
      executionClass,
      memoryBytes: reviseNeed(state, stage, partition),
      requirements: descriptorOf(state, stage, partition)?.requirements ?? ANY_NODE,
    };
    const leaseId = requestNode(allocation, request, now);
    waiting[executionClass] += 1;
    askers[leaseId] = { stageId, partitionId };
    partition.request = { leaseId, attempt: partition.attempts.length };
    reconsider(turn, stage, { partition, request: partition.request, executionClass });
  }
}

function waitingByClass({ waiting, leases }: NodeAllocation): Record<ExecutionClass, number> {
  const counts = { standard: 0, speculative: 0, 'eager-speculative': 0 };
  for (const leaseId of waiting) {
    const lease = leases[leaseId];
    if (lease !== undefined) counts[lease.executionClass] += 1;
  }
  return counts;
}

/** True when somebody was served. */
function grantNodes(turn: Turn): boolean {
  const { state, now } = turn;
  const { leasing } = state;
  const { allocation, quiet } = leasing;
  if (quiet?.changes === allocation.changes && quiet.nodesVersion === state.nodesVersion)
    return false;
  const { limits } = state.options.taskRetries;
  const round = grantLeases(allocation, { nodes: allocatableNodes(state), limits, now });
  if (round.granted.length > 0) startGranted(turn, round.granted);
  if (round.unmatched.length > 0 && !isQueryEnded(state.query.kind)) {
    const message = 'no worker that a task of the query needs has come';
    failQuery(turn, { code: 'NO_NODES_AVAILABLE', message });
    return false;
  }
  armNextRound(turn, round.nextRoundAt);
  const isQuiet = round.granted.length === 0 && round.nextRoundAt === undefined;
  const { nodesVersion } = state;
  leasing.quiet = isQuiet ? { changes: allocation.changes, nodesVersion } : null;
  return round.granted.length > 0;
}

function armNextRound({ state, effects }: Turn, at: Instant | undefined): void {
  if (at === undefined || at === state.leasing.nextRoundAt) return;
  state.leasing.nextRoundAt = at;
  effects.push({ kind: 'arm-timer', timer: { kind: 'node-allocation' }, at });
}

/**
 * The same list as long as the nodes are the same: whoever is asked about it need not count them anew. Of equal nodes the first
 * is taken, so each query begins with another one: else those that come together would all meet on the first nodes.
 */
function allocatableNodes(state: QuerySchedulerState): readonly AllocatableNode[] {
  const active = activeNodes(state);
  const known = allocatable.get(active);
  if (known !== undefined) return known;
  const first = active.length === 0 ? 0 : Math.abs(state.options.seed) % active.length;
  const nodes = [...active.slice(first), ...active.slice(0, first)].map(({ node }) => ({
    nodeId: node.nodeId,
    memoryBytes: node.memoryBytes ?? Number.MAX_SAFE_INTEGER,
    usedBytes: 0,
    lanes: laneCount(state.options, node),
  }));
  allocatable.set(active, nodes);
  return nodes;
}

const allocatable = new WeakMap<readonly NodeState[], readonly AllocatableNode[]>();

/** In the order of the plan. A lease that nobody can use any more stops no other task from starting (K7). */
function startGranted(turn: Turn, granted: readonly GrantedLease[]): void {
  const givingWay = leasesGivingWay(turn.state);
  const { askers } = turn.state.leasing;
  const asking = granted.map(({ leaseId }) => {
    const asker = askers[leaseId];
    assert(asker !== undefined, 'somebody has asked for a lease');
    delete askers[leaseId];
    return asker;
  });
  const { stageIndex } = turn.state;
  const byPlan = (a: PartitionRef, b: PartitionRef): number =>
    (stageIndex[a.stageId] ?? 0) - (stageIndex[b.stageId] ?? 0) || a.partitionId - b.partitionId;
  for (const { stageId, partitionId } of asking.sort(byPlan)) {
    const stage = findStage(turn.state, stageId);
    const partition = stage?.partitions[partitionId];
    const request = partition?.request ?? null;
    if (stage === undefined || partition === undefined || request === null) continue;
    partition.request = null;
    start(turn, stage, { partition, request, givingWay });
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
  const nodeId = lease?.nodeId ?? null;
  const host = nodeId === null ? undefined : findNode(state, nodeId);
  const isWanted =
    request.attempt === partition.attempts.length &&
    startableAs(turn, stage, partition) !== undefined &&
    !givingWay.has(request.leaseId);
  // Another attempt was made, what it reads was lost, or others were given its room, since it asked (K2, K6, F31).
  if (lease === undefined || host === undefined || !isWanted) {
    noteDue(stage, partition);
    return giveBack(allocation, request.leaseId);
  }
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

/** Speculations give way to tasks that were given what was theirs, and wait again (F31). */
function takeBack(turn: Turn): void {
  const { state } = turn;
  const isGivenUp = leasesGivingWay(state);
  if (isGivenUp.size === 0) return;
  for (const stage of state.stages)
    for (const task of stage.tasks)
      if (task.leaseId !== null && isGivenUp.has(task.leaseId) && isLive(task)) {
        dropAttempt(turn, stage, task);
        noteDue(stage, partitionOf(stage, task));
      }
}

function leasesGivingWay(state: QuerySchedulerState): ReadonlySet<LeaseId> {
  const { limits } = state.options.taskRetries;
  return new Set(
    leasesToGiveUp(state.leasing.allocation, { nodes: allocatableNodes(state), limits }),
  );
}
