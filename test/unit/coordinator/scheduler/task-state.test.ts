import { describe, expect, it } from 'vitest';
import type {
  Instant,
  NodeInstanceId,
  PartitionId,
  SourceId,
  StageId,
} from '../../../../services/common/ids.ts';
import { NO_TASK_STATS } from '../../../../services/common/task/task-status.ts';
import type { TaskStatus } from '../../../../services/common/task/task-status.ts';
import {
  acceptTaskStatus,
  canMoveTask,
  isEnded,
  loseTask,
  planTask,
  queuedLoad,
} from '../../../../services/coordinator/scheduler/task-state.ts';
import type {
  KnownTaskStateKind,
  TaskState,
} from '../../../../services/coordinator/scheduler/task-state.ts';
import { aNode } from '../../../support/plan-builders.ts';
import { QUERY_ID } from '../../../support/scheduler-driver.ts';

const SCAN = 1 as SourceId;

function aTask(): TaskState {
  return planTask({
    taskId: { queryId: QUERY_ID, stageId: 0 as StageId, partitionId: 0 as PartitionId, attempt: 0 },
    node: aNode('worker-1'),
    inputs: [{ sourceId: SCAN, isScan: true, nextSequenceId: 2, noMoreSplits: false }],
    createdAt: 0 as Instant,
    queueLimit: { weight: 100, changedAt: 0 as Instant, wasFull: false },
  });
}

/** All of its splits were sent: two, the last of them not yet acknowledged. */
function aFedTask(): TaskState {
  const task = aTask();
  task.unacknowledged.push({ sourceId: SCAN, sequenceId: 0, weight: 40 });
  task.unacknowledged.push({ sourceId: SCAN, sequenceId: 1, weight: 60 });
  task.unacknowledgedWeight = 100;
  for (const input of task.inputs) input.noMoreSplits = true;
  return task;
}

const LIES: Record<string, Partial<TaskStatus>> = {
  'negative rows': { stats: { ...NO_TASK_STATS, outputRows: -1 } },
  'bytes that are no number': { stats: { ...NO_TASK_STATS, inputBytes: Number.NaN } },
  'a negative wait': {
    stats: { ...NO_TASK_STATS, blockedMs: { ...NO_TASK_STATS.blockedMs, 'output-full': -1 } },
  },
  'a negative queue': { queuedSplitWeight: -1 },
  'a split that was never sent': { receivedSplits: [{ sourceId: SCAN, sequenceId: 2 }] },
  'splits of a source that it does not read': {
    receivedSplits: [{ sourceId: 99, sequenceId: 0 }],
  },
};

function aStatus(task: TaskState, changes: Partial<TaskStatus> = {}): TaskStatus {
  return {
    taskId: task.taskId,
    nodeId: task.nodeId,
    nodeInstanceId: task.nodeInstanceId,
    version: 1,
    state: 'running',
    outputs: [],
    queuedSplitWeight: 0,
    receivedSplits: [{ sourceId: SCAN, sequenceId: 1 }],
    blockedReason: 'none',
    stats: NO_TASK_STATS,
    ...changes,
  };
}

const YES = true;
const no = false;

/** May a task that is known to be in the left state be reported in the upper one? */
// prettier-ignore
const MOVES: Record<KnownTaskStateKind, Record<KnownTaskStateKind, boolean>> = {
  planned: { planned: no, running: YES, flushing: YES, finished: YES, canceling: YES, canceled: YES, aborting: YES, aborted: YES, failing: YES, failed: YES },
  running: { planned: no, running: YES, flushing: YES, finished: YES, canceling: YES, canceled: YES, aborting: YES, aborted: YES, failing: YES, failed: YES },
  flushing: { planned: no, running: no, flushing: YES, finished: YES, canceling: YES, canceled: YES, aborting: YES, aborted: YES, failing: YES, failed: YES },
  finished: { planned: no, running: no, flushing: no, finished: no, canceling: no, canceled: no, aborting: no, aborted: no, failing: no, failed: no },
  canceling: { planned: no, running: no, flushing: no, finished: no, canceling: YES, canceled: YES, aborting: no, aborted: no, failing: no, failed: no },
  canceled: { planned: no, running: no, flushing: no, finished: no, canceling: no, canceled: no, aborting: no, aborted: no, failing: no, failed: no },
  aborting: { planned: no, running: no, flushing: no, finished: no, canceling: no, canceled: no, aborting: YES, aborted: YES, failing: no, failed: no },
  aborted: { planned: no, running: no, flushing: no, finished: no, canceling: no, canceled: no, aborting: no, aborted: no, failing: no, failed: no },
  failing: { planned: no, running: no, flushing: no, finished: no, canceling: no, canceled: no, aborting: no, aborted: no, failing: YES, failed: YES },
  failed: { planned: no, running: no, flushing: no, finished: no, canceling: no, canceled: no, aborting: no, aborted: no, failing: no, failed: no },
};

describe('task state', () => {
  for (const [from, targets] of Object.entries(MOVES)) {
    it(`moves from ${from} as the table says`, () => {
      for (const [to, isLegal] of Object.entries(targets)) {
        expect(canMoveTask(from as KnownTaskStateKind, to as KnownTaskStateKind), to).toBe(isLegal);
      }
    });
  }

  it('takes a newer status and keeps what it says (T35)', () => {
    const task = aFedTask();
    const verdict = acceptTaskStatus(
      task,
      aStatus(task, {
        queuedSplitWeight: 30,
        receivedSplits: [{ sourceId: SCAN, sequenceId: 0 }],
        outputs: [{ state: 'open', bufferedBytes: 5, utilization: 0.9, overutilized: true }],
      }),
      false,
    );
    expect(verdict).toEqual({ kind: 'accepted' });
    expect(task).toMatchObject({
      kind: 'running',
      statusVersion: 1,
      overutilized: [true],
      hasOutput: true,
    });
    expect(task.unacknowledged.map((split) => split.sequenceId)).toEqual([1]);
    expect(queuedLoad(task)).toBe(30 + 60);
  });

  it('ignores an older or repeated status (T35)', () => {
    const task = aFedTask();
    acceptTaskStatus(task, aStatus(task, { version: 5, state: 'flushing' }), false);
    const before = structuredClone(task);
    for (const version of [4, 5]) {
      expect(acceptTaskStatus(task, aStatus(task, { version }), false)).toEqual({ kind: 'stale' });
    }
    expect(task).toEqual(before);
  });

  it('ignores another run of the worker (T35)', () => {
    const task = aTask();
    const status = aStatus(task, { nodeInstanceId: 'worker-1-run-0' as NodeInstanceId });
    expect(acceptTaskStatus(task, status, false)).toEqual({ kind: 'stale' });
    expect(task.kind).toBe('planned');
  });

  it.each(Object.entries(LIES))('believes no worker that reports %s', (_what, lie) => {
    const task = aTask();
    const before = structuredClone(task);
    expect(acceptTaskStatus(task, aStatus(task, lie), false)).toMatchObject({
      kind: 'violation',
      error: { code: 'INTERNAL_ERROR', details: { node_id: task.nodeId } },
    });
    expect(task).toEqual(before);
  });

  it('never leaves a terminal state', () => {
    const task = aTask();
    acceptTaskStatus(task, aStatus(task, { state: 'failed' }), false);
    expect(acceptTaskStatus(task, aStatus(task, { version: 2 }), false)).toEqual({ kind: 'stale' });
    expect(task.kind).toBe('failed');
    expect(isEnded(task)).toBe(true);
  });

  it('calls a step back a violation', () => {
    const task = aFedTask();
    acceptTaskStatus(task, aStatus(task, { state: 'flushing' }), false);
    const verdict = acceptTaskStatus(task, aStatus(task, { version: 2, state: 'running' }), false);
    expect(verdict).toMatchObject({ kind: 'violation', error: { code: 'INTERNAL_ERROR' } });
  });

  it('does not believe an end before all splits have arrived', () => {
    const task = aFedTask();
    const early = aStatus(task, {
      state: 'finished',
      receivedSplits: [{ sourceId: SCAN, sequenceId: 0 }],
    });
    expect(acceptTaskStatus(task, early, false).kind).toBe('violation');
    expect(task.kind).toBe('planned');
    expect(acceptTaskStatus(task, { ...early, version: 2 }, true).kind).toBe('accepted');
  });

  it('does not believe an end before the end of its splits was sent', () => {
    const task = aTask();
    const status = aStatus(task, { state: 'flushing' });
    expect(acceptTaskStatus(task, status, false).kind).toBe('violation');
  });

  it('lets a task that was told to stop end as it likes', () => {
    const task = aTask();
    task.stop = 'cancel';
    expect(acceptTaskStatus(task, aStatus(task, { state: 'finished' }), false).kind).toBe(
      'accepted',
    );
  });

  it('ends with its worker as it was ordered to', () => {
    const ends = { none: 'failed', cancel: 'canceled', abort: 'aborted' } as const;
    for (const [stop, end] of Object.entries(ends)) {
      const task = aTask();
      task.stop = stop as keyof typeof ends;
      loseTask(task);
      expect(task.kind).toBe(end);
    }
  });
});
