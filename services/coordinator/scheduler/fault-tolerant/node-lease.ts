/**
 * Requests for a node and the leases they become (F9, F31): plain data, which `node-allocation.ts` grants. Whoever asks
 * releases, once: when the task has ended, its stage has, or the task was not made after all.
 */
import { assert } from '../../../common/assert.ts';
import type { Brand, Instant, NodeId, QueryId, TaskId } from '../../../common/ids.ts';
import { canChangeClass } from './execution-class.ts';
import type { ExecutionClass } from './execution-class.ts';
import type { NodeRequirements } from './split-assignment.ts';

export type LeaseId = Brand<number, 'LeaseId'>;

export interface NodeRequest {
  readonly queryId: QueryId;
  readonly executionClass: ExecutionClass;
  readonly memoryBytes: number;
  readonly requirements: NodeRequirements;
}

/** What kept the last round from granting it: no node may take it at all, or those that may have no lane, or no memory. */
export type LeaseLack = 'node' | 'lane' | 'memory';

export interface NodeLease {
  readonly leaseId: LeaseId;
  readonly queryId: QueryId;
  readonly requirements: NodeRequirements;
  readonly requestedAt: Instant;
  /** It is not granted one of these. */
  excludedNodes: readonly NodeId[];
  executionClass: ExecutionClass;
  memoryBytes: number;
  /** Null while it waits. */
  nodeId: NodeId | null;
  taskId: TaskId | null;
  /** What its task was last seen to use. */
  usageBytes: number;
  /** Since when no node of the cluster could ever take it; null = there is one. */
  unmatchedSince: Instant | null;
  /** Null once it is granted, and before the first round. */
  lack: LeaseLack | null;
  /** When it was first refused for want of memory; null = it never was. */
  lacksMemorySince: Instant | null;
}

/** Of one query or, with the same fairness, of all queries of a cluster. */
export interface NodeAllocation {
  /** By id; ids grow in the order of the requests. */
  readonly leases: Record<number, NodeLease>;
  /** Those without a node, in the order of the requests. */
  readonly waiting: LeaseId[];
  nextLeaseId: number;
  /** The query that was refused first in the last round comes first in the next. */
  firstQuery: QueryId | null;
  /** Grows with all that changes here: as long as it does not, a round ends as the last one did. */
  changes: number;
}

/** The same leases by node, so that a round looks only at nodes of which some have changed. Follows from the leases. */
interface LeasesByNode {
  readonly onNode: Map<NodeId, Set<NodeLease>>;
  /** Granted ones that give way to standard ones. */
  readonly yielding: Set<NodeLease>;
  /** Nodes whose leases have changed since a round has looked. */
  readonly changed: Set<NodeId>;
  /** Those that wait and would not take any node, or have found none that could ever take them. */
  readonly particular: Set<NodeLease>;
  /** Nodes whose leases have changed since it was asked who has to give way. */
  readonly unchecked: Set<NodeId>;
}

const indexes = new WeakMap<NodeAllocation, LeasesByNode>();

export function createNodeAllocation(): NodeAllocation {
  return { leases: {}, waiting: [], nextLeaseId: 0, firstQuery: null, changes: 0 };
}

/** Asks for a node; `grantLeases` answers, and only `releaseLease` ends it. */
export function requestNode(
  allocation: NodeAllocation,
  request: NodeRequest,
  now: Instant,
): LeaseId {
  const { queryId, requirements, executionClass, memoryBytes } = request;
  const leaseId = allocation.nextLeaseId as LeaseId;
  allocation.nextLeaseId += 1;
  const lease: NodeLease = {
    leaseId,
    queryId,
    requirements,
    requestedAt: now,
    excludedNodes: [],
    executionClass,
    memoryBytes,
    nodeId: null,
    taskId: null,
    usageBytes: 0,
    unmatchedSince: null,
    lack: null,
    lacksMemorySince: null,
  };
  allocation.leases[leaseId] = lease;
  allocation.waiting.push(leaseId);
  noteParticular(allocation, lease);
  allocation.changes += 1;
  return leaseId;
}

export function grantLease(allocation: NodeAllocation, lease: NodeLease, nodeId: NodeId): void {
  assert(lease.nodeId === null, 'a lease is granted once');
  stopWaiting(allocation, lease.leaseId);
  const index = leasesByNode(allocation);
  lease.nodeId = nodeId;
  addToNode(index, lease, nodeId);
  index.particular.delete(lease);
  noteChange(allocation, lease);
}

/** True the first time; false = it was released before, and nothing changes. */
export function releaseLease(allocation: NodeAllocation, leaseId: LeaseId): boolean {
  const lease = findLease(allocation, leaseId);
  if (lease === undefined) return false;
  const index = leasesByNode(allocation);
  noteChange(allocation, lease);
  delete allocation.leases[leaseId];
  if (lease.nodeId === null) stopWaiting(allocation, leaseId);
  else index.onNode.get(lease.nodeId)?.delete(lease);
  index.yielding.delete(lease);
  index.particular.delete(lease);
  return true;
}

export function findLease(allocation: NodeAllocation, leaseId: LeaseId): NodeLease | undefined {
  return allocation.leases[leaseId];
}

/** In the order of the requests. */
export function waitingLeases(
  allocation: NodeAllocation,
): Readonly<Record<ExecutionClass, readonly NodeLease[]>> {
  const found: Record<ExecutionClass, NodeLease[]> = {
    standard: [],
    speculative: [],
    'eager-speculative': [],
  };
  for (const leaseId of allocation.waiting) {
    const lease = findLease(allocation, leaseId);
    if (lease !== undefined) found[lease.executionClass].push(lease);
  }
  return found;
}

/** Whether some node of the cluster could take it some day; `unmatchedAt`: now, when none could. */
export function noteMatch(
  allocation: NodeAllocation,
  lease: NodeLease,
  unmatchedAt: Instant | null,
): void {
  const unmatchedSince = unmatchedAt === null ? null : (lease.unmatchedSince ?? unmatchedAt);
  if (lease.unmatchedSince === unmatchedSince) return;
  lease.unmatchedSince = unmatchedSince;
  noteParticular(allocation, lease);
}

/** The task that a granted lease was used for. */
export function attachTask(lease: NodeLease, taskId: TaskId): void {
  assert(lease.nodeId !== null && lease.taskId === null, 'one task uses a granted lease');
  lease.taskId = taskId;
}

export function setLeaseExclusion(
  allocation: NodeAllocation,
  lease: NodeLease,
  excludedNodes: readonly NodeId[],
): void {
  if (isSame(excludedNodes, lease.excludedNodes)) return;
  lease.excludedNodes = excludedNodes;
  noteParticular(allocation, lease);
  noteChange(allocation, lease);
}

function isSame(a: readonly NodeId[], b: readonly NodeId[]): boolean {
  return a.length === b.length && a.every((nodeId, index) => nodeId === b[index]);
}

/** A new need, before or after the grant. */
export function setLeaseMemory(
  allocation: NodeAllocation,
  lease: NodeLease,
  memoryBytes: number,
): void {
  if (lease.memoryBytes === memoryBytes) return;
  lease.memoryBytes = memoryBytes;
  noteChange(allocation, lease);
}

export function setLeaseUsage(
  allocation: NodeAllocation,
  lease: NodeLease,
  usageBytes: number,
): void {
  if (lease.usageBytes === usageBytes) return;
  lease.usageBytes = usageBytes;
  noteChange(allocation, lease);
}

export function setLeaseClass(
  allocation: NodeAllocation,
  lease: NodeLease,
  executionClass: ExecutionClass,
): void {
  assert(canChangeClass(lease.executionClass, executionClass), 'a class only becomes standard');
  if (lease.executionClass === executionClass) return;
  lease.executionClass = executionClass;
  leasesByNode(allocation).yielding.delete(lease);
  noteChange(allocation, lease);
}

export function leasesByNode(allocation: NodeAllocation): LeasesByNode {
  const known = indexes.get(allocation);
  if (known !== undefined) return known;
  const index: LeasesByNode = {
    onNode: new Map(),
    yielding: new Set(),
    particular: new Set(),
    changed: new Set(),
    unchecked: new Set(),
  };
  for (const lease of Object.values(allocation.leases)) {
    if (lease.nodeId !== null) addToNode(index, lease, lease.nodeId);
    else if (isParticular(lease)) index.particular.add(lease);
  }
  indexes.set(allocation, index);
  return index;
}

function isParticular({ requirements, excludedNodes, unmatchedSince }: NodeLease): boolean {
  return requirements.nodeId !== null || excludedNodes.length > 0 || unmatchedSince !== null;
}

function noteParticular(allocation: NodeAllocation, lease: NodeLease): void {
  const { particular } = leasesByNode(allocation);
  if (lease.nodeId === null && isParticular(lease)) particular.add(lease);
  else particular.delete(lease);
}

function addToNode(index: LeasesByNode, lease: NodeLease, nodeId: NodeId): void {
  const leases = index.onNode.get(nodeId);
  if (leases === undefined) index.onNode.set(nodeId, new Set([lease]));
  else leases.add(lease);
  if (lease.executionClass !== 'standard') index.yielding.add(lease);
}

function stopWaiting({ waiting }: NodeAllocation, leaseId: LeaseId): void {
  const position = waiting.indexOf(leaseId);
  if (position !== -1) waiting.splice(position, 1);
}

function noteChange(allocation: NodeAllocation, { nodeId }: NodeLease): void {
  allocation.changes += 1;
  if (nodeId === null) return;
  const index = leasesByNode(allocation);
  index.changed.add(nodeId);
  index.unchecked.add(nodeId);
}
