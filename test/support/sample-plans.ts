/** Plans of the shapes that the scheduler's tests speak of. Scans are sources 1 and 2; the root is the last fragment. */
import type { PlanFragment } from '../../services/common/plan/plan-fragment.ts';
import {
  aFixedSource,
  aFragment,
  aRemote,
  aScan,
  aScanFragment,
  joined,
  toClient,
  toFragment,
} from './plan-builders.ts';

/** 0 (scan 1) and 1 (scan 2) → hash → 2 → gathered by 3. */
export function joinPlan(): PlanFragment[] {
  return [
    aScanFragment(0, { sourceId: 1, output: toFragment(2, 3, 'hash') }),
    aScanFragment(1, { sourceId: 2, output: toFragment(2, 4, 'hash') }),
    aFragment(2, {
      partitioning: { kind: 'hash' },
      remoteSources: [aRemote(3, [0], 'partitioned'), aRemote(4, [1], 'partitioned')],
      outputs: [toFragment(3, 5, 'single')],
    }),
    aFragment(3, { remoteSources: [aRemote(5, [2], 'gather')] }),
  ];
}

/** 0 (scan 1) is broadcast to 1 (scan 2), which 2 gathers. */
export function broadcastPlan(): PlanFragment[] {
  return [
    aScanFragment(0, { sourceId: 1, output: toFragment(1, 3, 'broadcast') }),
    aScanFragment(
      1,
      { sourceId: 2, output: toFragment(2, 4, 'single') },
      { remoteSources: [aRemote(3, [0], 'broadcast')] },
    ),
    aFragment(2, { remoteSources: [aRemote(4, [1], 'gather')] }),
  ];
}

/** 0 (scan 1) probes and 1 (scan 2) is built on, in the hash stage 2, gathered by 3. */
export function buildAndProbePlan(): PlanFragment[] {
  return joinPlan().map((fragment) =>
    fragment.id === 2 ? { ...fragment, inputTree: joined(3, 4) } : fragment,
  );
}

/** 0 (scan 1) is broadcast to 1, which probes with scan 2; 2 gathers. */
export function broadcastJoinPlan(): PlanFragment[] {
  return broadcastPlan().map((fragment) =>
    fragment.id === 1 ? { ...fragment, inputTree: joined(2, 3) } : fragment,
  );
}

/** 0 and 1 are one source of 2 (UNION ALL). */
export function unionPlan(): PlanFragment[] {
  return [
    aScanFragment(0, { sourceId: 1, output: toFragment(2, 3, 'single') }),
    aScanFragment(1, { sourceId: 2, output: toFragment(2, 3, 'single') }),
    aFragment(2, { remoteSources: [aRemote(3, [0, 1], 'gather')] }),
  ];
}

/** 0 (scan 1) is gathered by 1. */
export function gatherPlan(changes: Partial<PlanFragment> = {}): PlanFragment[] {
  return [
    aScanFragment(0, { sourceId: 1, output: toFragment(1, 2, 'single') }, changes),
    aFragment(1, { remoteSources: [aRemote(2, [0], 'gather')] }),
  ];
}

/** 0 (scan 1) is the root itself. */
export function scanRootPlan(): PlanFragment[] {
  return [aScanFragment(0, { sourceId: 1, output: toClient() })];
}

/** 0 reads scans 1 and 2 by three partitions and is the root itself. */
export function fixedSourcePlan(): PlanFragment[] {
  return [aFragment(0, aFixedSource(3, [1, 2]))];
}

/** One fragment on one worker that reads scan 1 itself. */
export function smallPlan(): PlanFragment[] {
  return [aFragment(0, { scans: [aScan(1)] })];
}

/** One fragment without any input: SELECT 1. */
export function constantPlan(): PlanFragment[] {
  return [aFragment(0)];
}

/** 0 (scan 1) is shared: hashed to 1, broadcast to 2; 3 gathers both. */
export function sharedPlan(): PlanFragment[] {
  const shared = aScanFragment(0, { sourceId: 1, output: toFragment(1, 2, 'hash') });
  return [
    { ...shared, outputs: [toFragment(1, 2, 'hash'), toFragment(2, 3, 'broadcast')] },
    aFragment(1, {
      partitioning: { kind: 'hash' },
      remoteSources: [aRemote(2, [0], 'partitioned')],
      outputs: [toFragment(3, 4, 'single')],
    }),
    aFragment(2, {
      partitioning: { kind: 'hash' },
      remoteSources: [aRemote(3, [0], 'broadcast')],
      outputs: [toFragment(3, 5, 'single')],
    }),
    aFragment(3, { remoteSources: [aRemote(4, [1], 'gather'), aRemote(5, [2], 'gather')] }),
  ];
}
