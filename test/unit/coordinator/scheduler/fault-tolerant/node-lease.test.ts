import { describe, expect, it } from 'vitest';
import type { Instant, NodeId, QueryId } from '../../../../../services/common/ids.ts';
import { parseTaskId } from '../../../../../services/common/ids.ts';
import {
  attachTask,
  createNodeAllocation,
  findLease,
  releaseLease,
  requestNode,
  setLeaseClass,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/node-lease.ts';
import type {
  NodeAllocation,
  NodeLease,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/node-lease.ts';
import { ANY_NODE } from '../../../../../services/coordinator/scheduler/fault-tolerant/split-assignment.ts';

const TASK = parseTaskId('20260315_142501_00042_k7f3a.1.0.0');

function requested(allocation: NodeAllocation): NodeLease {
  const request = {
    queryId: 'q' as QueryId,
    executionClass: 'speculative',
    memoryBytes: 10,
    requirements: ANY_NODE,
  } as const;
  const lease = findLease(allocation, requestNode(allocation, request, 0 as Instant));
  if (lease === undefined) throw new Error('no lease');
  return lease;
}

describe('a node lease (F9)', () => {
  it('is released exactly once', () => {
    const allocation = createNodeAllocation();
    const { leaseId } = requested(allocation);
    expect(releaseLease(allocation, leaseId)).toBe(true);
    expect(releaseLease(allocation, leaseId)).toBe(false);
    expect(requested(allocation).leaseId).not.toBe(leaseId);
  });

  it('serves one task, once it is granted', () => {
    const lease = requested(createNodeAllocation());
    if (TASK === undefined) throw new Error('no task id');
    expect(() => attachTask(lease, TASK)).toThrow('granted lease');
    lease.nodeId = 'a' as NodeId;
    attachTask(lease, TASK);
    expect(lease.taskId).toBe(TASK);
    expect(() => attachTask(lease, TASK)).toThrow('one task');
  });

  it('only becomes standard', () => {
    const allocation = createNodeAllocation();
    const lease = requested(allocation);
    setLeaseClass(allocation, lease, 'standard');
    expect(lease.executionClass).toBe('standard');
    expect(() => setLeaseClass(allocation, lease, 'speculative')).toThrow('only becomes');
  });
});
