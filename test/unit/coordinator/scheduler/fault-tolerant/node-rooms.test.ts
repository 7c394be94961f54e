import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Instant, NodeId, QueryId } from '../../../../../services/common/ids.ts';
import type { ExecutionClass } from '../../../../../services/coordinator/scheduler/fault-tolerant/execution-class.ts';
import { DEFAULT_ALLOCATION_LIMITS } from '../../../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import {
  createNodeAllocation,
  findLease,
  grantLease,
  releaseLease,
  requestNode,
  setLeaseClass,
  setLeaseMemory,
  setLeaseUsage,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/node-lease.ts';
import type {
  LeaseId,
  NodeAllocation,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/node-lease.ts';
import {
  overcommittedLeases,
  roomsOf,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/node-rooms.ts';
import { ANY_NODE } from '../../../../../services/coordinator/scheduler/fault-tolerant/split-assignment.ts';

const CLASSES = ['standard', 'speculative', 'eager-speculative'] as const;
const NODES = ['a', 'b', 'c'].map((name) => ({
  nodeId: name as NodeId,
  memoryBytes: 100,
  usedBytes: 0,
  lanes: 2,
}));
const TERMS = { nodes: NODES, limits: { ...DEFAULT_ALLOCATION_LIMITS, usageOverheadBytes: 5 } };

interface Step {
  readonly kind: 'request' | 'grant' | 'release' | 'grow' | 'use' | 'seal';
  readonly lease: number;
  readonly node: number;
  readonly bytes: number;
  readonly executionClass: ExecutionClass;
}

const steps = fc.array(
  fc.record<Step>({
    kind: fc.constantFrom('request', 'grant', 'release', 'grow', 'use', 'seal'),
    lease: fc.nat(8),
    node: fc.nat(2),
    bytes: fc.nat(60),
    executionClass: fc.constantFrom(...CLASSES),
  }),
  { maxLength: 40 },
);

function apply(allocation: NodeAllocation, step: Step): void {
  if (step.kind === 'request') {
    const { executionClass, bytes: memoryBytes } = step;
    const request = { queryId: 'q' as QueryId, executionClass, memoryBytes };
    requestNode(allocation, { ...request, requirements: ANY_NODE }, 0 as Instant);
    return;
  }
  const lease = findLease(allocation, step.lease as LeaseId);
  if (lease === undefined) return;
  if (step.kind === 'release') releaseLease(allocation, lease.leaseId);
  else if (step.kind === 'grow') setLeaseMemory(allocation, lease, step.bytes);
  else if (step.kind === 'use') setLeaseUsage(allocation, lease, step.bytes);
  else if (step.kind === 'seal') setLeaseClass(allocation, lease, 'standard');
  else if (lease.nodeId === null) grantLease(allocation, lease, NODES[step.node]?.nodeId as NodeId);
}

const seenBy = (allocation: NodeAllocation, executionClass: ExecutionClass) => {
  const view = roomsOf(allocation, TERMS, executionClass);
  const { rooms, openCount, emptyCount } = view;
  return { rooms, openCount, emptyCount, best: [0, 1].map((need) => view.roomiest(need)) };
};

describe('the rooms of nodes (F31)', () => {
  it('are the same whether they are kept from change to change or counted anew', () => {
    fc.assert(
      fc.property(steps, (drawn) => {
        const allocation = createNodeAllocation();
        for (const step of drawn) {
          apply(allocation, step);
          const restored = JSON.parse(JSON.stringify(allocation)) as NodeAllocation;
          for (const each of CLASSES)
            expect(seenBy(allocation, each)).toEqual(seenBy(restored, each));
        }
      }),
    );
  });

  it('are reserved for one round only', () => {
    const allocation = createNodeAllocation();
    const view = roomsOf(allocation, TERMS, 'standard');
    const room = view.roomiest(10);
    if (room === undefined) throw new Error('no room');
    view.reserve(room, 60);
    expect(view.roomiest(10)?.nodeId).toBe('b');
    expect(roomsOf(allocation, TERMS, 'standard').rooms[0]).toMatchObject({ freeBytes: 100 });
  });

  it('hide from standard tasks what others hold that give way to them', () => {
    const allocation = createNodeAllocation();
    const step = { kind: 'request', lease: 0, node: 0, bytes: 40 } as const;
    apply(allocation, { ...step, executionClass: 'speculative' });
    apply(allocation, { ...step, kind: 'grant', executionClass: 'speculative' });
    const free = (each: ExecutionClass) => roomsOf(allocation, TERMS, each).rooms[0]?.freeBytes;
    expect([free('standard'), free('speculative')]).toEqual([100, 60]);
  });

  it('are asked only once for each change who has to give way', () => {
    const allocation = createNodeAllocation();
    const step = { lease: 0, node: 1, bytes: 40, executionClass: 'speculative' } as const;
    for (const kind of ['request', 'grant'] as const) apply(allocation, { ...step, kind });
    const asked: string[] = [];
    const ask = () =>
      overcommittedLeases(allocation, TERMS, ({ nodeId }) => {
        asked.push(nodeId);
        return [0 as LeaseId];
      });
    expect([ask(), ask(), asked]).toEqual([[0], [0], ['b']]);
    apply(allocation, { ...step, kind: 'use' });
    ask();
    expect(asked).toEqual(['b', 'b']);
  });
});
