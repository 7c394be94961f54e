import { describe, expect, it } from 'vitest';
import {
  canMoveStage,
  canScheduleMoreTasks,
  countTask,
  isStageDone,
  needsNoInput,
  stageStateOf,
} from '../../../../services/coordinator/scheduler/stage-state.ts';
import type {
  StageStateKind,
  TaskCounts,
} from '../../../../services/coordinator/scheduler/stage-state.ts';
import type { KnownTaskStateKind } from '../../../../services/coordinator/scheduler/task-state.ts';

const YES = true;
const no = false;

// prettier-ignore
const MOVES: Record<StageStateKind, Record<StageStateKind, boolean>> = {
  planned: { planned: no, scheduling: YES, 'scheduling-splits': no, scheduled: no, running: no, flushing: no, finished: no, canceled: YES, aborted: YES, failed: YES },
  scheduling: { planned: no, scheduling: no, 'scheduling-splits': YES, scheduled: YES, running: no, flushing: no, finished: no, canceled: YES, aborted: YES, failed: YES },
  'scheduling-splits': { planned: no, scheduling: no, 'scheduling-splits': no, scheduled: YES, running: no, flushing: no, finished: no, canceled: YES, aborted: YES, failed: YES },
  scheduled: { planned: no, scheduling: no, 'scheduling-splits': no, scheduled: no, running: YES, flushing: YES, finished: YES, canceled: YES, aborted: YES, failed: YES },
  running: { planned: no, scheduling: no, 'scheduling-splits': no, scheduled: no, running: no, flushing: YES, finished: YES, canceled: YES, aborted: YES, failed: YES },
  flushing: { planned: no, scheduling: no, 'scheduling-splits': no, scheduled: no, running: no, flushing: no, finished: YES, canceled: YES, aborted: YES, failed: YES },
  finished: { planned: no, scheduling: no, 'scheduling-splits': no, scheduled: YES, running: no, flushing: no, finished: no, canceled: no, aborted: no, failed: no },
  canceled: { planned: no, scheduling: no, 'scheduling-splits': no, scheduled: YES, running: no, flushing: no, finished: no, canceled: no, aborted: no, failed: no },
  aborted: { planned: no, scheduling: no, 'scheduling-splits': no, scheduled: no, running: no, flushing: no, finished: no, canceled: no, aborted: no, failed: no },
  failed: { planned: no, scheduling: no, 'scheduling-splits': no, scheduled: no, running: no, flushing: no, finished: no, canceled: no, aborted: no, failed: no },
};

/** scheduling.md §3; true after a failure, so that a failure never reads as completion (T15). */
const MAY_SCHEDULE_MORE: Record<StageStateKind, boolean> = {
  planned: YES,
  scheduling: YES,
  'scheduling-splits': no,
  scheduled: no,
  running: no,
  flushing: no,
  finished: no,
  canceled: no,
  aborted: YES,
  failed: YES,
};

/** Which state a stage of one task is in, by the task's state, once the stage is scheduled. */
const BY_ONLY_TASK: Record<KnownTaskStateKind, ReturnType<typeof stageStateOf>> = {
  planned: 'scheduled',
  running: 'running',
  flushing: 'flushing',
  finished: 'finished',
  canceling: 'scheduled',
  canceled: 'scheduled',
  aborting: 'scheduled',
  aborted: 'scheduled',
  failing: 'scheduled',
  failed: 'scheduled',
};

function counts(...kinds: readonly KnownTaskStateKind[]): TaskCounts {
  const all = { planned: 0, running: 0, flushing: 0, finished: 0, stopping: 0, stopped: 0 };
  for (const kind of kinds) countTask(all, kind, 1);
  return all;
}

describe('stage state', () => {
  for (const [from, targets] of Object.entries(MOVES)) {
    it(`moves from ${from} as the table says`, () => {
      for (const [to, isLegal] of Object.entries(targets)) {
        expect(canMoveStage(from as StageStateKind, to as StageStateKind), to).toBe(isLegal);
      }
    });
  }

  it('may schedule more tasks as the table says (T15, P9)', () => {
    for (const [kind, expected] of Object.entries(MAY_SCHEDULE_MORE)) {
      expect(canScheduleMoreTasks(kind as StageStateKind), kind).toBe(expected);
    }
  });

  it('needs no input when flushing or done (T18)', () => {
    const kinds = Object.keys(MOVES) as StageStateKind[];
    expect(kinds.filter(needsNoInput)).toEqual([
      'flushing',
      'finished',
      'canceled',
      'aborted',
      'failed',
    ]);
    expect(kinds.filter(isStageDone)).toEqual(['finished', 'canceled', 'aborted', 'failed']);
  });

  it('follows its only task as the table says', () => {
    for (const [task, expected] of Object.entries(BY_ONLY_TASK)) {
      expect(stageStateOf('scheduled', counts(task as KnownTaskStateKind)), task).toBe(expected);
    }
  });

  it('runs with its first running task, flushes with its last, finishes when all have', () => {
    expect(stageStateOf('scheduled', counts('planned', 'running'))).toBe('running');
    expect(stageStateOf('scheduled', counts('planned', 'finished'))).toBe('running');
    expect(stageStateOf('running', counts('running', 'finished'))).toBe('running');
    expect(stageStateOf('running', counts('flushing', 'finished'))).toBe('flushing');
    expect(stageStateOf('flushing', counts('finished', 'finished'))).toBe('finished');
  });

  it('never finishes around a task that stopped (T15)', () => {
    expect(stageStateOf('running', counts('finished', 'failed'))).toBe('running');
    expect(stageStateOf('running', counts('finished', 'canceled'))).toBe('running');
  });
});
