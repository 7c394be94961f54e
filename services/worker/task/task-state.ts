/**
 * The state of one task on its worker, and every way it can change.
 *
 *   running ──flush──▶ flushing ──finish──▶ finished
 *      │  └──────────────finish──────────────▲
 *      └──stop/fail (also from flushing)──▶ canceling ──settle──▶ canceled
 *                                           aborting  ──settle──▶ aborted
 *                                           failing   ──settle──▶ failed
 *
 * The first stop wins; a terminal state never changes (scheduling.md §3). `settle` means that the slot has
 * let go of the task: until then DuckDB may still be at work for it.
 */
import { assertNever } from '../../common/assert.ts';
import type { ErrorReport } from '../../common/error.ts';
import type { TaskStateKind, TaskStop } from '../../common/task/task-status.ts';

export type TaskState =
  | { readonly kind: 'running' }
  /** All rows are made; consumers still read them. */
  | { readonly kind: 'flushing' }
  | { readonly kind: 'finished' }
  | { readonly kind: 'canceling' }
  | { readonly kind: 'canceled' }
  | { readonly kind: 'aborting' }
  | { readonly kind: 'aborted' }
  | { readonly kind: 'failing'; readonly error: ErrorReport }
  | { readonly kind: 'failed'; readonly error: ErrorReport };

export type TaskTransition =
  /** All rows are in the output buffers. */
  | { readonly kind: 'flush' }
  /** All output buffers are read or destroyed, or the result went inline. */
  | { readonly kind: 'finish' }
  | { readonly kind: 'stop'; readonly stop: TaskStop }
  | { readonly kind: 'fail'; readonly error: ErrorReport }
  | { readonly kind: 'settle' };

/** The state after the transition; the very same object when it changes nothing. */
export function nextTaskState(state: TaskState, transition: TaskTransition): TaskState {
  switch (state.kind) {
    case 'running':
    case 'flushing':
      return fromLive(state, transition);
    case 'canceling':
      return transition.kind === 'settle' ? { kind: 'canceled' } : state;
    case 'aborting':
      return transition.kind === 'settle' ? { kind: 'aborted' } : state;
    case 'failing':
      return transition.kind === 'settle' ? { kind: 'failed', error: state.error } : state;
    case 'finished':
    case 'canceled':
    case 'aborted':
    case 'failed':
      return state;
    default:
      return assertNever(state);
  }
}

type LiveState = Extract<TaskState, { kind: 'running' | 'flushing' }>;

function fromLive(state: LiveState, transition: TaskTransition): TaskState {
  switch (transition.kind) {
    case 'flush':
      return state.kind === 'running' ? { kind: 'flushing' } : state;
    case 'finish':
      return { kind: 'finished' };
    case 'stop':
      return { kind: transition.stop === 'cancel' ? 'canceling' : 'aborting' };
    case 'fail':
      return { kind: 'failing', error: transition.error };
    case 'settle':
      return state;
    default:
      return assertNever(transition);
  }
}

/** Whether the task may still make rows and change by itself. */
export function isLive(state: TaskStateKind): boolean {
  return state === 'running' || state === 'flushing';
}
