/**
 * Nodes for tasks by bin packing (F31, §2.2). Eager tasks first, then standard ones, speculative ones only when no standard
 * one waits. Standard tasks do not see the leases of speculative ones, which give way when memory runs out. A task without
 * room keeps others from the node that suits it best, for this round, so that big tasks are not starved by small ones.
 */
import type { Instant, NodeId, QueryId } from '../../../common/ids.ts';
import type { ExecutionClass } from './execution-class.ts';
import { findLease, grantLease, leasesByNode, noteMatch, waitingLeases } from './node-lease.ts';
import type { LeaseId, LeaseLack, NodeAllocation, NodeLease } from './node-lease.ts';
import { isRoomier, overcommittedLeases, roomsOf } from './node-rooms.ts';
import type { AllocatableNode, IsBetter, NodeRooms, Room, RoomTerms } from './node-rooms.ts';

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

export interface AllocationInput extends RoomTerms {
  readonly now: Instant;
}

const NOTHING_GRANTED: AllocationRound = { granted: [], unmatched: [], nextRoundAt: undefined };

/**
 * Nobody can be served: no lane is free, and all that wait would take any node. This is how most rounds in a busy cluster
 * end, so it is found without trying each of them.
 */
function isHopeless(allocation: NodeAllocation, input: AllocationInput): boolean {
  const { waiting, firstQuery } = allocation;
  if (waiting.length === 0) return firstQuery === null;
  if (leasesByNode(allocation).particular.size > 0 || input.nodes.length === 0) return false;
  const first = findLease(allocation, waiting[0] ?? (-1 as LeaseId));
  if (first?.executionClass !== 'standard' || first.queryId !== firstQuery) return false;
  if (roomsOf(allocation, input, 'standard').openCount > 0) return false;
  for (const leaseId of waiting) {
    const lease = findLease(allocation, leaseId);
    if (lease !== undefined) lease.lack = 'lane';
  }
  return true;
}

/** Grants what can be granted; to be called when anything has changed, and at `nextRoundAt`. */
export function grantLeases(allocation: NodeAllocation, input: AllocationInput): AllocationRound {
  if (isHopeless(allocation, input)) return NOTHING_GRANTED;
  const granted: GrantedLease[] = [];
  const unmatched: LeaseId[] = [];
  let firstRefused: QueryId | null = null;
  const queues = waitingLeases(allocation);
  for (const executionClass of ['eager-speculative', 'standard', 'speculative'] as const) {
    const waiting = queues[executionClass];
    if (waiting.length === 0) continue;
    if (executionClass === 'speculative' && queues.standard.some(isWaiting)) break;
    const round = beginRound(roomsOf(allocation, input, executionClass), waiting);
    for (const lease of inTurns(waiting, allocation.firstQuery)) {
      const outcome = place(lease, round, input);
      if (outcome.kind === 'granted') {
        grantLease(allocation, lease, outcome.nodeId);
        granted.push({ leaseId: lease.leaseId, nodeId: outcome.nodeId });
      } else if (outcome.lack !== 'node') firstRefused ??= lease.queryId;
      noteOutcome(allocation, lease, { outcome, now: input.now });
      if (isOverdue(lease, input)) unmatched.push(lease.leaseId);
    }
  }
  allocation.firstQuery = firstRefused;
  return { granted, unmatched, nextRoundAt: nextRoundAt(allocation, input) };
}

/**
 * Leases that have to give way because standard ones have taken what was theirs (§2.2): on a node that leases more than it
 * has, speculative ones, then eager ones beyond what they may overcommit, the newest first.
 */
export function leasesToGiveUp(allocation: NodeAllocation, terms: RoomTerms): readonly LeaseId[] {
  const { yielding, onNode } = leasesByNode(allocation);
  if (yielding.size === 0) return [];
  return overcommittedLeases(allocation, terms, (node) =>
    yieldingOn(node, [...(onNode.get(node.nodeId) ?? [])], terms.limits),
  );
}

function yieldingOn(
  { memoryBytes, lanes = Infinity }: AllocatableNode,
  leases: readonly NodeLease[],
  limits: RoomTerms['limits'],
): readonly LeaseId[] {
  const standardCount = leases.filter(({ executionClass }) => executionClass === 'standard').length;
  if (standardCount === 0 || standardCount === leases.length) return [];
  let excess = leases.reduce((sum, lease) => sum + lease.memoryBytes, 0) - memoryBytes;
  let excessCount = leases.length - lanes;
  return [...leases]
    .sort((a, b) => byReadinessToYield(a, b) || b.leaseId - a.leaseId)
    .flatMap((lease) => {
      const { executionClass } = lease;
      const allowed = executionClass === 'speculative' ? 0 : limits.eagerOvercommitBytes;
      const isSpared = excess <= allowed && excessCount <= 0;
      if (executionClass === 'standard' || isSpared) return [];
      excess -= lease.memoryBytes;
      excessCount -= 1;
      return [lease.leaseId];
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

interface Round {
  readonly view: NodeRooms;
  /** Of those who wait. */
  readonly leastNeed: number;
  /** Nobody else can be served: not even the least need has found room, which there is never more of in a round. */
  isOver: boolean;
}

function beginRound(view: NodeRooms, waiting: readonly NodeLease[]): Round {
  const leastNeed = waiting.reduce(
    (least, { memoryBytes }) => Math.min(least, memoryBytes),
    Infinity,
  );
  return { view, leastNeed, isOver: view.openCount === 0 };
}

type Outcome =
  | { readonly kind: 'granted'; readonly nodeId: NodeId }
  | { readonly kind: 'refused'; readonly lack: LeaseLack };

function place(lease: NodeLease, round: Round, input: AllocationInput): Outcome {
  const { view } = round;
  const { memoryBytes } = lease;
  const isFree = mayGoAnywhere(lease, view);
  const candidates = isFree ? view.rooms : candidatesOf(lease, view.rooms, input);
  if (candidates.length === 0) return { kind: 'refused', lack: 'node' };
  const hasLane = isFree ? view.openCount > 0 : candidates.some(isOpen);
  const refused = { kind: 'refused', lack: hasLane ? 'memory' : 'lane' } as const;
  if (round.isOver) return refused;
  const roomiest = isFree
    ? view.roomiest(memoryBytes)
    : best(candidates.filter(isOpen), isRoomier(memoryBytes));
  if (roomiest !== undefined && hasRoom(roomiest, memoryBytes)) {
    view.reserve(roomiest, memoryBytes);
    round.isOver = view.openCount === 0;
    return { kind: 'granted', nodeId: roomiest.nodeId };
  }
  round.isOver = isFree && memoryBytes <= round.leastNeed && view.emptyCount === 0;
  if (round.isOver) return refused;
  // A node that it keeps away from need not be kept for it.
  const keptFor =
    isFree && lease.excludedNodes.length > 0 ? candidatesOf(lease, view.rooms, input) : candidates;
  const suited = best(keptFor, (a, b) => a.unleasedBytes > b.unleasedBytes);
  if (suited !== undefined) view.reserve(suited, memoryBytes);
  return refused;
}

function isOpen({ freeLanes }: Room): boolean {
  return freeLanes > 0;
}

/** As far as this round is concerned: the node that it would take is not one that it keeps away from. */
function mayGoAnywhere(
  { requirements, excludedNodes, memoryBytes }: NodeLease,
  view: NodeRooms,
): boolean {
  if (requirements.nodeId !== null || excludedNodes.length >= view.rooms.length) return false;
  if (excludedNodes.length === 0 || view.openCount === 0) return true;
  const roomiest = view.roomiest(memoryBytes);
  return roomiest === undefined || !excludedNodes.includes(roomiest.nodeId);
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

function best(rooms: readonly Room[], isBetter: IsBetter): Room | undefined {
  let found: Room | undefined;
  for (const room of rooms) if (found === undefined || isBetter(room, found)) found = room;
  return found;
}

/** One of each query in turn, beginning with `first`. */
function inTurns(leases: readonly NodeLease[], first: QueryId | null): readonly NodeLease[] {
  if (leases.every(({ queryId }) => queryId === leases[0]?.queryId)) return leases;
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

function isWaiting({ nodeId }: NodeLease): boolean {
  return nodeId === null;
}

function noteOutcome(
  allocation: NodeAllocation,
  lease: NodeLease,
  { outcome, now }: { readonly outcome: Outcome; readonly now: Instant },
): void {
  lease.lack = outcome.kind === 'granted' ? null : outcome.lack;
  noteMatch(allocation, lease, lease.lack === 'node' ? now : null);
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
  for (const leaseId of allocation.waiting) {
    const lease = findLease(allocation, leaseId);
    if (lease === undefined) continue;
    const { nodeId, isBound } = lease.requirements;
    const ends = [
      lease.unmatchedSince === null ? now : lease.unmatchedSince + limits.noMatchingNodeMs,
      nodeId === null || isBound ? now : lease.requestedAt + limits.exhaustedNodeWaitMs,
    ];
    for (const end of ends) if (end > now && (next === undefined || end < next)) next = end;
  }
  return next as Instant | undefined;
}
