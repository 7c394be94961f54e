import { describe, expect, it } from 'vitest';
import type { SourceId } from '../../../../services/common/ids.ts';
import { silentLogger } from '../../../../services/common/logger.ts';
import { TaskExecution } from '../../../../services/worker/task/task-execution.ts';
import { aScanFragment, toFragment } from '../../../support/plan-builders.ts';
import { anUpdate, FakeWorker, fileSplits } from '../../../support/task-fakes.ts';
import { settle } from '../../../support/virtual-clock.ts';

const SCAN = aScanFragment(0, { sourceId: 1, output: toFragment(1, 2, 'single') });

describe('the loop of a scan', () => {
  it('gives its slot up between statements to who has more right to it, and goes on in another (S8)', async () => {
    const worker = new FakeWorker();
    const { identity, clock, ports, onStatus } = worker;
    const { nodeId, instanceId: nodeInstanceId } = identity;
    const splits = fileSplits(1, 0, 3);
    const assignment = { sourceId: 1 as SourceId, splits, noMoreSplits: true };
    const first = anUpdate({ fragment: SCAN, splitAssignments: [assignment] });
    const env = { nodeId, nodeInstanceId, clock, log: silentLogger, ports, onStatus };
    const task = new TaskExecution(first, SCAN, env);
    await settle();
    const slot = worker.slots.last;
    slot.isWanted = true;
    slot.statements[0]?.finish();
    await settle();
    expect(slot).toMatchObject({ isReleased: true, flushCount: 1, files: [[0]] });
    expect(worker.slots.granted).toHaveLength(2);
    expect(worker.slots.last.files).toEqual([[1, 2]]);
    worker.slots.last.isWanted = true;
    worker.slots.last.statements[0]?.finish();
    await settle();
    expect(worker.slots.granted).toHaveLength(2);
    expect(task.state).toBe('flushing');
    expect(worker.status.stats.splitsCompleted).toBe(3);
  });
});
