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
  /** In the order of the requests. */
  readonly leases: NodeLease[];
  nextLeaseId: number;
  /** The query that was refused first in the last round comes first in the next. */
  firstQuery: QueryId | null;
}

export function createNodeAllocation(): NodeAllocation {
  return { leases: [], nextLeaseId: 0, firstQuery: null };
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
  allocation.leases.push({
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
  });
  return leaseId;
}

/** True the first time; false = it was released before, and nothing changes. */
export function releaseLease(allocation: NodeAllocation, leaseId: LeaseId): boolean {
  const index = allocation.leases.findIndex((lease) => lease.leaseId === leaseId);
  if (index !== -1) allocation.leases.splice(index, 1);
  return index !== -1;
}

export function findLease(allocation: NodeAllocation, leaseId: LeaseId): NodeLease | undefined {
  return allocation.leases.find((lease) => lease.leaseId === leaseId);
}

/** The task that a granted lease was used for. */
export function attachTask(lease: NodeLease, taskId: TaskId): void {
  assert(lease.nodeId !== null && lease.taskId === null, 'one task uses a granted lease');
  lease.taskId = taskId;
}

export function setLeaseExclusion(lease: NodeLease, excludedNodes: readonly NodeId[]): void {
  lease.excludedNodes = excludedNodes;
}

/** A new need, before or after the grant. */
export function setLeaseMemory(lease: NodeLease, memoryBytes: number): void {
  lease.memoryBytes = memoryBytes;
}

export function setLeaseClass(lease: NodeLease, executionClass: ExecutionClass): void {
  assert(canChangeClass(lease.executionClass, executionClass), 'a class only becomes standard');
  lease.executionClass = executionClass;
}
