import { describe, expect, it } from 'vitest';
import type { ErrorReport } from '../../../../services/common/error.ts';
import type { TaskStateKind } from '../../../../services/common/task/task-status.ts';
import {
  nextTaskState,
  type TaskState,
  type TaskTransition,
} from '../../../../services/worker/task/task-state.ts';

const ERROR: ErrorReport = { code: 'OUT_OF_MEMORY', message: 'no' };
const LATER: ErrorReport = { code: 'INTERNAL_ERROR', message: 'later' };

const STATES: Record<TaskStateKind, TaskState> = {
  running: { kind: 'running' },
  flushing: { kind: 'flushing' },
  finished: { kind: 'finished' },
  canceling: { kind: 'canceling' },
  canceled: { kind: 'canceled' },
  aborting: { kind: 'aborting' },
  aborted: { kind: 'aborted' },
  failing: { kind: 'failing', error: ERROR },
  failed: { kind: 'failed', error: ERROR },
};

type Step = 'flush' | 'finish' | 'cancel' | 'abort' | 'fail' | 'settle';

const STEPS: Record<Step, TaskTransition> = {
  flush: { kind: 'flush' },
  finish: { kind: 'finish' },
  cancel: { kind: 'stop', stop: 'cancel' },
  abort: { kind: 'stop', stop: 'abort' },
  fail: { kind: 'fail', error: LATER },
  settle: { kind: 'settle' },
};

const same = (kind: TaskStateKind): Record<Step, TaskStateKind> => ({
  flush: kind,
  finish: kind,
  cancel: kind,
  abort: kind,
  fail: kind,
  settle: kind,
});

const stopped = { cancel: 'canceling', abort: 'aborting', fail: 'failing' } as const;

/** scheduling.md §3, row "Task (now)". */
const TABLE: Record<TaskStateKind, Record<Step, TaskStateKind>> = {
  running: { flush: 'flushing', finish: 'finished', settle: 'running', ...stopped },
  flushing: { flush: 'flushing', finish: 'finished', settle: 'flushing', ...stopped },
  canceling: { ...same('canceling'), settle: 'canceled' },
  aborting: { ...same('aborting'), settle: 'aborted' },
  failing: { ...same('failing'), settle: 'failed' },
  finished: same('finished'),
  canceled: same('canceled'),
  aborted: same('aborted'),
  failed: same('failed'),
};

describe('a task', () => {
  for (const [from, row] of Object.entries(TABLE)) {
    for (const [step, to] of Object.entries(row)) {
      it(`${from} --${step}--> ${to}`, () => {
        const state = STATES[from as TaskStateKind];
        expect(nextTaskState(state, STEPS[step as Step]).kind).toBe(to);
      });
    }
  }

  it('says that nothing changed by giving the same object', () => {
    const state = STATES.canceling;
    expect(nextTaskState(state, STEPS.fail)).toBe(state);
  });

  it('keeps its first error to the end', () => {
    const failed = nextTaskState(nextTaskState(STATES.failing, STEPS.fail), STEPS.settle);
    expect(failed).toEqual({ kind: 'failed', error: ERROR });
  });
});
