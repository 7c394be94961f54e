import { describe, expect, it } from 'vitest';
import type { PlanFragment, RemoteSource } from '../../../../services/common/plan/plan-fragment.ts';
import { findPlanProblem } from '../../../../services/coordinator/scheduler/plan-check.ts';
import {
  aFixedSource,
  aFragment,
  aRemote,
  aScan,
  aScanFragment,
  bySource,
  toClient,
  toFragment,
} from '../../../support/plan-builders.ts';
import {
  broadcastPlan,
  constantPlan,
  fixedSourcePlan,
  gatherPlan,
  joinPlan,
  scanRootPlan,
  sharedPlan,
  smallPlan,
  unionPlan,
} from '../../../support/sample-plans.ts';

const scan = (output = toFragment(1, 2, 'single')) => aScanFragment(0, { sourceId: 1, output });
const root = (changes: Partial<PlanFragment> = {}) =>
  aFragment(1, { remoteSources: [aRemote(2, [0], 'gather')], ...changes });

const served = (
  sourceId: number,
  producers: readonly number[],
  delivery: RemoteSource['delivery'] = 'gather',
): RemoteSource => ({ ...aRemote(sourceId, producers, delivery), systemTable: 'nodes' });

const BROKEN: Record<string, readonly PlanFragment[]> = {
  'no fragments': [],
  'appears twice': [scan(), scan(), root()],
  'a hash fragment has no scans': [
    aFragment(0, { partitioning: { kind: 'hash' }, scans: [aScan(1)] }),
  ],
  'partitions of scans need both': [aFragment(0, aFixedSource(0, [1]))],
  'not every scan has 2 partitions': [
    aFragment(0, { ...aFixedSource(2, [1]), scans: aFixedSource(3, [1]).scans }),
  ],
  'a task needs all splits of its partition': [
    aFragment(0, { ...aFixedSource(2, [1]), inputMode: 'incremental' }),
  ],
  'its scan 7 is missing': [aFragment(0, { partitioning: bySource(7) })],
  'has no producers': [aFragment(0, { remoteSources: [aRemote(2, [], 'gather')] })],
  'has producers beside the coordinator': [scan(), root({ remoteSources: [served(2, [0])] })],
  'rows of the coordinator are gathered': [
    aFragment(0, { remoteSources: [served(2, [], 'broadcast')] }),
  ],
  'only a single fragment gathers': [scan(), root({ partitioning: { kind: 'arbitrary' } })],
  'only a hash fragment reads partitions': [
    scan(toFragment(1, 2, 'hash')),
    root({ remoteSources: [aRemote(2, [0], 'partitioned')] }),
  ],
  'does not feed source 2': [scan(toFragment(1, 2, 'broadcast')), root()],
  'fragment 3 does not feed source 2': [
    scan(),
    root({ remoteSources: [aRemote(2, [0, 3], 'gather')] }),
  ],
  'only the root feeds the client': [scan(toClient()), root()],
  'the client reads one buffer': [
    aFragment(0, { outputs: [{ consumer: { kind: 'client' }, scheme: { kind: 'broadcast' } }] }),
  ],
  'the root feeds the client only': [
    aFragment(0, { outputs: [toClient(), toFragment(0, 9, 'single')] }),
  ],
  'nobody reads its output': [scan(), root({ remoteSources: [] })],
  'source 1 appears twice': [scan(), root({ scans: [aScan(1)] })],
};

describe('what the scheduler relies on in a plan', () => {
  it.each([
    broadcastPlan,
    constantPlan,
    fixedSourcePlan,
    gatherPlan,
    joinPlan,
    scanRootPlan,
    sharedPlan,
    smallPlan,
    unionPlan,
  ])('holds for %o', (plan) => {
    expect(findPlanProblem(plan())).toBeUndefined();
  });

  it.each(Object.entries(BROKEN))('is named when broken: %s', (problem, fragments) => {
    expect(findPlanProblem(fragments)).toContain(problem);
  });
});
