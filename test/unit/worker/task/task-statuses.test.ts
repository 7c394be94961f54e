import { beforeEach, describe, expect, it } from 'vitest';
import type { SourceId } from '../../../../services/common/ids.ts';
import { silentLogger } from '../../../../services/common/logger.ts';
import type { PlanFragment } from '../../../../services/common/plan/plan-fragment.ts';
import type { Split, SplitAssignment } from '../../../../services/common/plan/split.ts';
import { TaskExecution } from '../../../../services/worker/task/task-execution.ts';
import { aFragment, aRemote, aScanFragment, toFragment } from '../../../support/plan-builders.ts';
import { anUpdate, FakeWorker, fileSplits } from '../../../support/task-fakes.ts';
import { settle } from '../../../support/virtual-clock.ts';

let worker: FakeWorker;
beforeEach(() => (worker = new FakeWorker()));

function start(
  fragment: PlanFragment,
  assignments: readonly SplitAssignment[] = [],
): TaskExecution {
  const { identity, clock, ports, onStatus } = worker;
  const { nodeId, instanceId: nodeInstanceId } = identity;
  const first = anUpdate({ fragment, splitAssignments: assignments });
  const env = { nodeId, nodeInstanceId, clock, log: silentLogger, ports, onStatus };
  return new TaskExecution(first, fragment, env);
}

const assign = (splits: readonly Split[], noMoreSplits = false): SplitAssignment => ({
  sourceId: 1 as SourceId,
  splits,
  noMoreSplits,
});

const SCAN = aScanFragment(0, { sourceId: 1, output: toFragment(1, 2, 'single') });
const RESULT = aFragment(0);

describe('statuses', () => {
  it('have growing versions and come at once for states, now and then for progress', async () => {
    const task = start(SCAN, [assign(fileSplits(1, 0, 9), true)]);
    await settle();
    const before = worker.statuses.length;
    worker.slots.last.statements[0]?.finish();
    await settle();
    worker.slots.last.statements[1]?.finish();
    await settle();
    expect(worker.statuses.length).toBe(before);
    await worker.clock.advance(100);
    expect(worker.status.stats.splitsCompleted).toBe(5);
    task.stop('cancel');
    await settle();
    const versions = worker.statuses.map(({ version }) => version);
    expect(versions).toEqual(versions.map((_version, i) => i + 1));
  });

  it('say at once that an output is overfull (T25)', async () => {
    start(SCAN, [assign(fileSplits(1, 0, 1))]);
    await settle();
    worker.output.fill();
    await settle();
    expect(worker.status.outputs[0]?.overutilized).toBe(true);
  });

  it('count what inputs and statements have written to disk', async () => {
    start({ ...RESULT, remoteSources: [aRemote(1, [0], 'gather')] }, [assign([], true)]);
    const input = worker.input(1);
    input.spilledBytes = 300;
    input.complete(10);
    await settle();
    worker.slots.last.statements[0]?.finish({ spilledBytes: 50, peakMemoryBytes: 70 });
    await settle();
    expect(worker.status.stats).toMatchObject({ spilledBytes: 350, peakMemoryBytes: 70 });
  });

  it('end with the task: the deadline watch and its timers are gone', async () => {
    start(RESULT);
    await settle();
    worker.slots.last.statements[0]?.finish();
    await settle();
    expect(worker.clock.pendingCount).toBe(0);
  });
});
