/**
 * Nodes for tasks by bin packing (F31, §2.2). Eager tasks first, then standard ones, speculative ones only when no standard
 * one waits. Standard tasks do not see the leases of speculative ones, which give way when memory runs out. A task without
 * room keeps others from the node that suits it best, for this round, so that big tasks are not starved by small ones.
 */
import type { Instant, NodeId, QueryId } from '../../../common/ids.ts';
import type { ExecutionClass } from './execution-class.ts';
import type { AllocationLimits } from './fault-tolerant-options.ts';
import type { LeaseId, LeaseLack, NodeAllocation, NodeLease } from './node-lease.ts';

/** A node that may take tasks now. */
export interface AllocatableNode {
  readonly nodeId: NodeId;
  /** For tasks. */
  readonly memoryBytes: number;
  /** Of it in use as the node reports it, tasks of other disciplines included. */
  readonly usedBytes: number;
  /** Tasks that it runs at a time. Absent = any number. */
  readonly lanes?: number;
}

export interface GrantedLease {
  readonly leaseId: LeaseId;
  readonly nodeId: NodeId;
}

export interface AllocationRound {
  readonly granted: readonly GrantedLease[];
  /** No node could take these for too long (NO_NODES_AVAILABLE); they are to be released. */
  readonly unmatched: readonly LeaseId[];
  /** When waiting alone changes something; `undefined` = it does not. */
  readonly nextRoundAt: Instant | undefined;
}

export interface AllocationInput {
  readonly nodes: readonly AllocatableNode[];
  readonly limits: AllocationLimits;
  readonly now: Instant;
}

/** Grants what can be granted; to be called when anything has changed, and at `nextRoundAt`. */
export function grantLeases(allocation: NodeAllocation, input: AllocationInput): AllocationRound {
  const granted: GrantedLease[] = [];
  const unmatched: LeaseId[] = [];
  const refusedQueries: QueryId[] = [];
  for (const executionClass of ['eager-speculative', 'standard', 'speculative'] as const) {
    const waiting = waitingLeases(allocation, executionClass);
    if (executionClass === 'speculative' && waitingLeases(allocation, 'standard').length > 0) break;
    const rooms = roomsOf(allocation, input, executionClass);
    for (const lease of inTurns(waiting, allocation.firstQuery)) {
      const outcome = place(lease, rooms, input);
      if (outcome.kind === 'granted') {
        lease.nodeId = outcome.nodeId;
        granted.push({ leaseId: lease.leaseId, nodeId: outcome.nodeId });
      } else if (outcome.lack !== 'node') refusedQueries.push(lease.queryId);
      noteOutcome(lease, outcome, input.now);
      if (isOverdue(lease, input)) unmatched.push(lease.leaseId);
    }
  }
  allocation.firstQuery = refusedQueries[0] ?? null;
  return { granted, unmatched, nextRoundAt: nextRoundAt(allocation, input) };
}

/**
 * Leases that have to give way because standard ones have taken what was theirs (§2.2): on a node that leases more than it
 * has, speculative ones, then eager ones beyond what they may overcommit, the newest first.
 */
export function leasesToGiveUp(
  allocation: NodeAllocation,
  { nodes, limits }: Pick<AllocationInput, 'nodes' | 'limits'>,
): readonly LeaseId[] {
  return nodes.flatMap(({ nodeId, memoryBytes, lanes = Infinity }) => {
    const onNode = allocation.leases.filter((lease) => lease.nodeId === nodeId);
    if (!onNode.some((lease) => lease.executionClass === 'standard')) return [];
    let excess = sum(onNode, (lease) => lease.memoryBytes) - memoryBytes;
    let excessCount = onNode.length - lanes;
    return onNode
      .toReversed()
      .sort(byReadinessToYield)
      .flatMap((lease) => {
        const { executionClass } = lease;
        const allowed = executionClass === 'speculative' ? 0 : limits.eagerOvercommitBytes;
        const isSpared = excess <= allowed && excessCount <= 0;
        if (executionClass === 'standard' || isSpared) return [];
        excess -= lease.memoryBytes;
        excessCount -= 1;
        return [lease.leaseId];
      });
  });
}

const YIELDS: Readonly<Record<ExecutionClass, number>> = {
  speculative: 0,
  'eager-speculative': 1,
  standard: 2,
};

function byReadinessToYield(a: NodeLease, b: NodeLease): number {
  return YIELDS[a.executionClass] - YIELDS[b.executionClass];
}

/** What is left of a node, as a round goes. */
interface Room {
  readonly nodeId: NodeId;
  /** By leases and by what tasks are seen to use. */
  freeBytes: number;
  /** By leases alone. */
  unleasedBytes: number;
  leaseCount: number;
  freeLanes: number;
  readonly speculativeBytes: number;
}

function roomsOf(
  allocation: NodeAllocation,
  { nodes, limits }: AllocationInput,
  executionClass: ExecutionClass,
): readonly Room[] {
  const extra = executionClass === 'eager-speculative' ? limits.eagerOvercommitBytes : 0;
  return nodes.map(({ nodeId, memoryBytes, usedBytes, lanes = Infinity }) => {
    const onNode = allocation.leases.filter((lease) => lease.nodeId === nodeId);
    const ignored =
      executionClass === 'standard'
        ? onNode.filter((lease) => lease.executionClass !== 'standard')
        : [];
    const seen = onNode.filter((lease) => !ignored.includes(lease));
    const reported = usedBytes - sum(ignored, (lease) => lease.usageBytes);
    const expected = sum(seen, (lease) => expectedBytes(lease, limits));
    return {
      nodeId,
      freeBytes: memoryBytes + extra - Math.max(expected, reported),
      unleasedBytes: memoryBytes + extra - sum(seen, (lease) => lease.memoryBytes),
      leaseCount: seen.length,
      freeLanes: lanes - seen.length,
      speculativeBytes: sum(onNode, (lease) =>
        lease.executionClass === 'standard' ? 0 : lease.memoryBytes,
      ),
    };
  });
}

function expectedBytes(lease: NodeLease, limits: AllocationLimits): number {
  const used = lease.usageBytes === 0 ? 0 : lease.usageBytes + limits.usageOverheadBytes;
  return Math.max(lease.memoryBytes, used);
}

type Outcome =
  | { readonly kind: 'granted'; readonly nodeId: NodeId }
  | { readonly kind: 'refused'; readonly lack: LeaseLack };

function place(lease: NodeLease, rooms: readonly Room[], input: AllocationInput): Outcome {
  const candidates = candidatesOf(lease, rooms, input);
  if (candidates.length === 0) return { kind: 'refused', lack: 'node' };
  const open = candidates.filter(({ freeLanes }) => freeLanes > 0);
  const roomiest = best(open, isRoomier(lease));
  const { memoryBytes } = lease;
  if (roomiest !== undefined && hasRoom(roomiest, memoryBytes)) {
    reserve(roomiest, memoryBytes);
    return { kind: 'granted', nodeId: roomiest.nodeId };
  }
  const suited = best(candidates, (a, b) => a.unleasedBytes > b.unleasedBytes);
  if (suited !== undefined) reserve(suited, memoryBytes);
  return { kind: 'refused', lack: open.length === 0 ? 'lane' : 'memory' };
}

/** An empty node has room for any task. */
function hasRoom({ freeBytes, leaseCount }: Room, memoryBytes: number): boolean {
  return memoryBytes === 0 || freeBytes >= memoryBytes || leaseCount === 0;
}

/** The node that the task wants, or all; nodes other than it when it is gone or has long been full. */
function candidatesOf(
  lease: NodeLease,
  all: readonly Room[],
  { limits, now }: AllocationInput,
): readonly Room[] {
  const rooms = all.filter((room) => !lease.excludedNodes.includes(room.nodeId));
  const { nodeId, isBound } = lease.requirements;
  if (nodeId === null) return rooms;
  const wanted = rooms.filter((room) => room.nodeId === nodeId);
  if (isBound) return wanted;
  const hasWaited = now - lease.requestedAt >= limits.exhaustedNodeWaitMs;
  return wanted.length === 0 || hasWaited ? rooms : wanted;
}

type IsBetter = (a: Room, b: Room) => boolean;

/** A task that needs no memory goes where there are fewest; any other where there is most room, then least speculation. */
function isRoomier({ memoryBytes }: NodeLease): IsBetter {
  if (memoryBytes === 0) return (a, b) => a.leaseCount < b.leaseCount;
  return (a, b) =>
    a.freeBytes === b.freeBytes
      ? a.speculativeBytes < b.speculativeBytes
      : a.freeBytes > b.freeBytes;
}

function best(rooms: readonly Room[], isBetter: IsBetter): Room | undefined {
  let found: Room | undefined;
  for (const room of rooms) if (found === undefined || isBetter(room, found)) found = room;
  return found;
}

function reserve(room: Room, bytes: number): void {
  room.freeBytes -= bytes;
  room.unleasedBytes -= bytes;
  room.leaseCount += 1;
  room.freeLanes -= 1;
}

function waitingLeases(
  allocation: NodeAllocation,
  executionClass: ExecutionClass,
): readonly NodeLease[] {
  return allocation.leases.filter(
    (lease) => lease.nodeId === null && lease.executionClass === executionClass,
  );
}

/** One of each query in turn, beginning with `first`. */
function inTurns(leases: readonly NodeLease[], first: QueryId | null): readonly NodeLease[] {
  const queues = new Map<QueryId, NodeLease[]>();
  if (first !== null) queues.set(first, []);
  for (const lease of leases) {
    const queue = queues.get(lease.queryId);
    if (queue === undefined) queues.set(lease.queryId, [lease]);
    else queue.push(lease);
  }
  const longest = Math.max(0, ...[...queues.values()].map((queue) => queue.length));
  return Array.from({ length: longest }, (_, turn) =>
    [...queues.values()].flatMap((queue) => queue.slice(turn, turn + 1)),
  ).flat();
}

function noteOutcome(lease: NodeLease, outcome: Outcome, now: Instant): void {
  lease.lack = outcome.kind === 'granted' ? null : outcome.lack;
  if (lease.lack === 'node') lease.unmatchedSince ??= now;
  else lease.unmatchedSince = null;
  if (lease.lack === 'memory') lease.lacksMemorySince ??= now;
}

function isOverdue({ unmatchedSince }: NodeLease, { limits, now }: AllocationInput): boolean {
  return unmatchedSince !== null && now - unmatchedSince >= limits.noMatchingNodeMs;
}

function nextRoundAt(
  allocation: NodeAllocation,
  { limits, now }: AllocationInput,
): Instant | undefined {
  let next: number | undefined;
  for (const lease of allocation.leases) {
    if (lease.nodeId !== null) continue;
    const { nodeId, isBound } = lease.requirements;
    const ends = [
      lease.unmatchedSince === null ? now : lease.unmatchedSince + limits.noMatchingNodeMs,
      nodeId === null || isBound ? now : lease.requestedAt + limits.exhaustedNodeWaitMs,
    ];
    for (const end of ends) if (end > now && (next === undefined || end < next)) next = end;
  }
  return next as Instant | undefined;
}

function sum(leases: readonly NodeLease[], bytesOf: (lease: NodeLease) => number): number {
  return leases.reduce((total, lease) => total + bytesOf(lease), 0);
}
