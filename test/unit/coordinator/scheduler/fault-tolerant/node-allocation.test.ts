import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Instant, NodeId, QueryId } from '../../../../../services/common/ids.ts';
import type { ExecutionClass } from '../../../../../services/coordinator/scheduler/fault-tolerant/execution-class.ts';
import { DEFAULT_ALLOCATION_LIMITS } from '../../../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import {
  grantLeases,
  leasesToGiveUp,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/node-allocation.ts';
import {
  createNodeAllocation,
  findLease,
  releaseLease,
  requestNode,
  setLeaseClass,
  setLeaseExclusion,
  setLeaseMemory,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/node-lease.ts';
import type {
  LeaseId,
  NodeAllocation,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/node-lease.ts';
import type { NodeRequirements } from '../../../../../services/coordinator/scheduler/fault-tolerant/split-assignment.ts';

const LIMITS = {
  ...DEFAULT_ALLOCATION_LIMITS,
  usageOverheadBytes: 5,
  eagerOvercommitBytes: 20,
  noMatchingNodeMs: 1_000,
  exhaustedNodeWaitMs: 500,
};

/** A cluster of nodes with 100 bytes each, unless it says otherwise. */
class Packing {
  readonly allocation: NodeAllocation = createNodeAllocation();
  memory: Record<string, number>;
  used: Record<string, number> = {};
  lanes: Record<string, number> = {};
  now = 0;

  constructor(memory: Record<string, number> = { a: 100, b: 100 }) {
    this.memory = memory;
  }

  request(
    memoryBytes: number,
    changes: {
      readonly executionClass?: ExecutionClass;
      readonly query?: string;
      readonly requirements?: Partial<NodeRequirements> | { readonly nodeId: string };
    } = {},
  ): LeaseId {
    return requestNode(
      this.allocation,
      {
        queryId: (changes.query ?? 'q') as QueryId,
        executionClass: changes.executionClass ?? 'standard',
        memoryBytes,
        requirements: {
          nodeId: null,
          isBound: false,
          ...(changes.requirements as Partial<NodeRequirements>),
        },
      },
      this.now as Instant,
    );
  }

  get #nodes() {
    return Object.entries(this.memory).map(([name, memoryBytes]) => {
      const lanes = this.lanes[name];
      const node = { nodeId: name as NodeId, memoryBytes, usedBytes: this.used[name] ?? 0 };
      return lanes === undefined ? node : { ...node, lanes };
    });
  }

  round() {
    const now = this.now as Instant;
    return grantLeases(this.allocation, { nodes: this.#nodes, limits: LIMITS, now });
  }

  giveUp(): readonly LeaseId[] {
    return leasesToGiveUp(this.allocation, { nodes: this.#nodes, limits: LIMITS });
  }

  /** Node by lease after a round; null = it waits. */
  grant(...leaseIds: readonly LeaseId[]): readonly (string | null | undefined)[] {
    this.round();
    return leaseIds.map((leaseId) => findLease(this.allocation, leaseId)?.nodeId);
  }
}

describe('node allocation (F31)', () => {
  it('takes the node with most room', () => {
    const packing = new Packing({ a: 100, b: 120 });
    const leases = [packing.request(50), packing.request(60), packing.request(50)];
    expect(packing.grant(...leases)).toEqual(['b', 'a', 'b']);
  });

  it('grants nothing beyond the memory of a node, but to one that is empty', () => {
    const packing = new Packing({ a: 100 });
    const big = packing.request(150);
    expect(packing.grant(big)).toEqual(['a']);
    const next = packing.request(1);
    expect(packing.grant(next)).toEqual([null]);
    releaseLease(packing.allocation, big);
    expect(packing.grant(next)).toEqual(['a']);
  });

  it('keeps room for a big task, so that small ones do not starve it', () => {
    const packing = new Packing();
    const [onA, onB] = [packing.request(60), packing.request(50)];
    expect(packing.grant(onA, onB)).toEqual(['a', 'b']);
    const big = packing.request(80);
    const small = packing.request(30);
    const other = packing.request(30);
    expect(packing.grant(big, small, other)).toEqual([null, 'a', null]);
    releaseLease(packing.allocation, onB);
    expect(packing.grant(big, other)).toEqual(['b', null]);
  });

  it('keeps none for it that it keeps away from', () => {
    const packing = new Packing();
    packing.used = { a: 95 };
    const onB = packing.request(10);
    expect(packing.grant(onB)).toEqual(['b']);
    packing.used = { b: 95 };
    const onA = packing.request(60);
    expect(packing.grant(onA)).toEqual(['a']);
    const big = packing.request(50);
    const lease = findLease(packing.allocation, big);
    if (lease === undefined) throw new Error('it has asked');
    setLeaseExclusion(packing.allocation, lease, ['b' as NodeId]);
    const small = packing.request(30);
    expect(packing.grant(big, small)).toEqual([null, null]);
  });

  it('sees what tasks use beyond their leases, and what the node uses beyond its tasks', () => {
    const packing = new Packing({ a: 100, b: 100 });
    const first = packing.request(10);
    packing.grant(first);
    const lease = findLease(packing.allocation, first);
    if (lease !== undefined) lease.usageBytes = 60;
    const next = packing.request(40);
    packing.used = { b: 90 };
    expect(packing.grant(next)).toEqual([null]);
    packing.used = { b: 50 };
    expect(packing.grant(next)).toEqual(['b']);
  });

  it('counts the new need of a task that waits, and of one that has its node', () => {
    const packing = new Packing({ a: 100 });
    const [first, second] = [packing.request(200), packing.request(40)];
    const change = (leaseId: LeaseId, memoryBytes: number): void => {
      const lease = findLease(packing.allocation, leaseId);
      if (lease !== undefined) setLeaseMemory(packing.allocation, lease, memoryBytes);
    };
    change(first, 50);
    expect(packing.grant(first, second)).toEqual(['a', 'a']);
    const third = packing.request(10);
    change(second, 41);
    expect(packing.grant(third)).toEqual([null]);
    change(second, 40);
    expect(packing.grant(third)).toEqual(['a']);
  });

  it('does not count the leases of speculative tasks for standard ones', () => {
    const packing = new Packing({ a: 100 });
    const speculative = packing.request(90, { executionClass: 'speculative' });
    expect(packing.grant(speculative)).toEqual(['a']);
    const standard = packing.request(90);
    const further = packing.request(90, { executionClass: 'speculative' });
    expect(packing.grant(standard, further)).toEqual(['a', null]);
  });

  it('takes back from speculative tasks what standard ones were given, the newest first', () => {
    const packing = new Packing({ a: 100 });
    const speculative = { executionClass: 'speculative' } as const;
    const [older, newer] = [packing.request(40, speculative), packing.request(40, speculative)];
    packing.grant(older, newer);
    expect(packing.giveUp()).toEqual([]);
    packing.grant(packing.request(50));
    expect(packing.giveUp()).toEqual([newer]);
    packing.grant(packing.request(50));
    expect(packing.giveUp()).toEqual([newer, older]);
  });

  it('takes back from eager tasks only what is more than they may overcommit', () => {
    const packing = new Packing({ a: 100 });
    const eager = { executionClass: 'eager-speculative' } as const;
    packing.grant(packing.request(40, eager), packing.request(40, eager));
    packing.grant(packing.request(40));
    expect(packing.giveUp()).toEqual([]);
    packing.grant(packing.request(1));
    expect(packing.giveUp()).toHaveLength(1);
  });

  it('gives a node no more tasks than it has lanes, and those of speculative tasks to standard ones', () => {
    const packing = new Packing({ a: 100 });
    packing.lanes = { a: 2 };
    const speculative = { executionClass: 'speculative' } as const;
    const first = [1, 2, 3].map(() => packing.request(10, speculative));
    expect(packing.grant(...first)).toEqual(['a', 'a', null]);
    expect(packing.giveUp()).toEqual([]);
    expect(packing.grant(packing.request(10))).toEqual(['a']);
    expect(packing.giveUp()).toEqual([first[1]]);
    expect(packing.grant(packing.request(10), packing.request(10))).toEqual(['a', null]);
    expect(packing.giveUp()).toEqual([first[1], first[0]]);
  });

  it('takes nothing back where no standard task is', () => {
    const packing = new Packing({ a: 100 });
    packing.grant(packing.request(150, { executionClass: 'speculative' }));
    expect(packing.giveUp()).toEqual([]);
  });

  it('prefers among equals the node with less speculation', () => {
    const packing = new Packing();
    packing.grant(
      packing.request(90, { executionClass: 'speculative', requirements: { nodeId: 'a' } }),
    );
    expect(packing.grant(packing.request(10))).toEqual(['b']);
  });

  it('grants speculative tasks nothing while a standard one waits', () => {
    const packing = new Packing({ a: 100 });
    packing.grant(packing.request(60));
    const standard = packing.request(60);
    const speculative = packing.request(10, { executionClass: 'speculative' });
    expect(packing.grant(standard, speculative)).toEqual([null, null]);
    releaseLease(packing.allocation, standard);
    expect(packing.grant(speculative)).toEqual(['a']);
  });

  it('grants eager tasks first, and beyond the memory of a node', () => {
    const packing = new Packing({ a: 100 });
    packing.grant(packing.request(90));
    const standard = packing.request(10);
    const eager = packing.request(30, { executionClass: 'eager-speculative' });
    expect(packing.grant(eager, standard)).toEqual(['a', 'a']);
    const further = packing.request(1, { executionClass: 'eager-speculative' });
    expect(packing.grant(further)).toEqual([null]);
  });

  it('gives each query its turn, beginning with the one that was refused', () => {
    const packing = new Packing({ a: 100 });
    const first = packing.request(100, { query: 'q1' });
    packing.grant(first);
    const waiting = [
      packing.request(40, { query: 'q2' }),
      packing.request(40, { query: 'q2' }),
      packing.request(40, { query: 'q3' }),
    ];
    packing.round();
    expect(packing.allocation.firstQuery).toBe('q2');
    releaseLease(packing.allocation, first);
    expect(packing.grant(...waiting)).toEqual(['a', null, 'a']);
    expect(packing.allocation.firstQuery).toBe('q2');
  });

  it('gives a task without memory the node with the fewest tasks, full or not', () => {
    const packing = new Packing({ a: 100, b: 100 });
    packing.grant(packing.request(100), packing.request(60), packing.request(20));
    const leases = [packing.request(0), packing.request(0)];
    expect(packing.grant(...leases)).toEqual(['a', 'a']);
  });
});

describe('a task that wants a node', () => {
  const toA = { requirements: { nodeId: 'a' } };
  const boundToA = { requirements: { nodeId: 'a' as NodeId, isBound: true } };

  it('waits for it while it is full, and goes elsewhere after a while', () => {
    const packing = new Packing();
    packing.grant(packing.request(100, toA));
    const lease = packing.request(10, toA);
    expect(packing.grant(lease)).toEqual([null]);
    expect(packing.round().nextRoundAt).toBe(500);
    packing.now = 500;
    expect(packing.grant(lease)).toEqual(['b']);
  });

  it('goes elsewhere at once when it is gone', () => {
    const packing = new Packing({ b: 100 });
    expect(packing.grant(packing.request(10, toA))).toEqual(['b']);
  });

  it('that it is bound to goes nowhere else, and is given up after the allowed period', () => {
    const packing = new Packing({ b: 100 });
    const lease = packing.request(10, boundToA);
    expect(packing.round()).toEqual({ granted: [], unmatched: [], nextRoundAt: 1_000 });
    packing.now = 999;
    expect(packing.round().unmatched).toEqual([]);
    packing.now = 1_000;
    expect(packing.round().unmatched).toEqual([lease]);
  });

  it('begins to wait anew when the node has been there meanwhile', () => {
    const packing = new Packing({ a: 100, b: 100 });
    packing.grant(packing.request(100, toA));
    packing.memory = { b: 100 };
    packing.request(10, boundToA);
    packing.round();
    packing.now = 900;
    packing.memory = { a: 100, b: 100 };
    packing.round();
    packing.now = 1_100;
    packing.memory = { b: 100 };
    expect(packing.round()).toMatchObject({ unmatched: [], nextRoundAt: 2_100 });
  });

  it('is given up when the whole cluster is gone for too long', () => {
    const packing = new Packing({});
    const lease = packing.request(10);
    packing.round();
    packing.now = 1_000;
    expect(packing.round().unmatched).toEqual([lease]);
  });
});

describe('node allocation, whatever happens', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('request' as const),
      memory: fc.nat(140),
      executionClass: fc.constantFrom<ExecutionClass>(
        'standard',
        'speculative',
        'eager-speculative',
      ),
      query: fc.constantFrom('q1', 'q2', 'q3'),
    }),
    fc.record({ kind: fc.constant('release' as const), index: fc.nat(20) }),
    fc.record({ kind: fc.constant('seal' as const), index: fc.nat(20) }),
  );

  it('gives standard tasks no more than a node has, unless it was empty, and every lease once', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const packing = new Packing();
        const grants = new Map<LeaseId, string>();
        for (const each of steps) {
          if (each.kind === 'request') packing.request(each.memory, each);
          else apply(packing, each);
          const held = standardBytes(packing.allocation);
          for (const { leaseId, nodeId } of packing.round().granted) {
            expect(grants.has(leaseId), 'granted once').toBe(false);
            grants.set(leaseId, nodeId);
          }
          for (const [node, { bytes, count }] of standardBytes(packing.allocation)) {
            const grew = count > (held.get(node)?.count ?? 0);
            if (grew && count > 1) expect(bytes).toBeLessThanOrEqual(100);
          }
          expect(JSON.parse(JSON.stringify(packing.allocation))).toEqual(packing.allocation);
        }
      }),
    );
  });

  it('serves everyone when all is released in turn', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(140), { minLength: 1, maxLength: 20 }), (needs) => {
        const packing = new Packing();
        const waiting = new Set(needs.map((memory) => packing.request(memory)));
        for (let rounds = 0; waiting.size > 0; rounds += 1) {
          expect(rounds, 'somebody is served in every round').toBeLessThanOrEqual(needs.length);
          const { granted } = packing.round();
          expect(granted).not.toEqual([]);
          for (const { leaseId } of granted) {
            waiting.delete(leaseId);
            releaseLease(packing.allocation, leaseId);
          }
        }
        expect(packing.allocation.leases).toEqual({});
      }),
    );
  });

  function apply(packing: Packing, { kind, index }: { kind: 'release' | 'seal'; index: number }) {
    const lease = Object.values(packing.allocation.leases)[index];
    if (lease === undefined) return;
    if (kind === 'release') releaseLease(packing.allocation, lease.leaseId);
    // A speculative lease that becomes standard may overcommit its node; a request that does may not.
    else if (lease.nodeId === null) setLeaseClass(packing.allocation, lease, 'standard');
  }

  function standardBytes(allocation: NodeAllocation) {
    const onNode = new Map<string, { bytes: number; count: number }>();
    for (const { nodeId, executionClass, memoryBytes } of Object.values(allocation.leases)) {
      if (nodeId === null || executionClass !== 'standard' || memoryBytes === 0) continue;
      const { bytes, count } = onNode.get(nodeId) ?? { bytes: 0, count: 0 };
      onNode.set(nodeId, { bytes: bytes + memoryBytes, count: count + 1 });
    }
    return onNode;
  }
});
