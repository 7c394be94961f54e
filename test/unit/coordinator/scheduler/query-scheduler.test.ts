import { describe, expect, it } from 'vitest';
import {
  aFragment,
  aRemote,
  aScanFragment,
  someSplits,
  toFragment,
} from '../../../support/plan-builders.ts';
import { SchedulerDriver } from '../../../support/scheduler-driver.ts';

/** Two scans, hash-joined, gathered: 0 and 1 → 2 → 3. */
function join(): SchedulerDriver {
  return new SchedulerDriver([
    aScanFragment(0, { sourceId: 1, output: toFragment(2, 3, 'hash') }),
    aScanFragment(1, { sourceId: 2, output: toFragment(2, 4, 'hash') }),
    aFragment(2, {
      partitioning: { kind: 'hash' },
      remoteSources: [aRemote(3, [0], 'partitioned'), aRemote(4, [1], 'partitioned')],
      outputs: [toFragment(3, 5, 'single')],
    }),
    aFragment(3, { remoteSources: [aRemote(5, [2], 'gather')] }),
  ]);
}

describe('a query from its first order to its last', () => {
  it('runs a join to its end', () => {
    const driver = join();
    driver.loaded(1, someSplits(1, 4));
    driver.loaded(2, someSplits(2, 3));
    for (const stage of [0, 1, 2]) driver.reportAll(stage, 'running');
    for (const stage of [0, 1, 2]) driver.reportAll(stage, 'finished');
    driver.report(3, 0, 'finished', { inlinePages: [new Uint8Array([1])] });
    expect(driver.state.query.kind).toBe('finished');
    expect(JSON.parse(JSON.stringify(driver.state))).toEqual(driver.state);
  });
});
