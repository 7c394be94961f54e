/**
 * Telling the client's side where the result is (T17). A root task is announced when it holds pages or ends, or when the
 * small-result window closes, whichever is first; so a result that fits into the final status (R8) costs no fetch.
 */
import type { TaskStatus } from '../../common/task/task-status.ts';
import type { ResultLocation } from './scheduler-effect.ts';
import { isWhole, selectedAttempt } from './partition-state.ts';
import { rootStage } from './scheduler-state.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import { resultLocation } from './stage-link.ts';
import { canScheduleMoreTasks, hasStoredOutput } from './stage-state.ts';
import type { StageState } from './stage-state.ts';
import type { TaskState } from './task-state.ts';
import type { Turn } from './turn.ts';

/** A root task's final status holds all of its pages: they stand in for fetching, announced before or not. */
export function announceInlineResult(
  turn: Turn,
  task: TaskState,
  pages: TaskStatus['inlinePages'],
): void {
  if (pages === undefined || task.announcement === 'inline') return;
  task.announcement = 'inline';
  const location = resultLocation(rootStage(turn.state), task);
  turn.effects.push({
    kind: 'add-result-locations',
    locations: [{ location, inlinePages: pages }],
    noMore: noteIfComplete(turn.state),
  });
}

/** Announces what is due. */
export function announceResults(turn: Turn): void {
  const { state } = turn;
  if (state.result.isComplete) return;
  const root = rootStage(state);
  const due = tasksOfResult(root).filter(
    (task) => task.announcement === 'none' && isDue(state, root, task),
  );
  const locations = due.map((task): ResultLocation => {
    task.announcement = 'location';
    return { location: resultLocation(root, task) };
  });
  const noMore = noteIfComplete(state);
  if (locations.length > 0 || noMore)
    turn.effects.push({ kind: 'add-result-locations', locations, noMore });
}

/** The tasks whose rows are the result. What is stored is announced when all of it is there (F32). */
function tasksOfResult(root: StageState): readonly TaskState[] {
  if (!hasStoredOutput(root)) return root.tasks;
  if (!isWhole(root)) return [];
  return root.partitions
    .map((partition) => selectedAttempt(root, partition))
    .filter((task) => task !== undefined);
}

function isDue(state: QuerySchedulerState, root: StageState, task: TaskState): boolean {
  if (hasStoredOutput(root)) return true;
  if (task.kind === 'flushing') return true;
  const isLive = task.kind === 'planned' || task.kind === 'running';
  return isLive && (state.result.isWindowClosed || task.hasOutput);
}

/** True once: all root tasks exist and are announced. Never for a root stage that failed (T15). */
function noteIfComplete(state: QuerySchedulerState): boolean {
  const root = rootStage(state);
  const { result } = state;
  if (result.isComplete || canScheduleMoreTasks(root.kind)) return false;
  if (hasStoredOutput(root) && !isWhole(root)) return false;
  if (tasksOfResult(root).some((task) => task.announcement === 'none')) return false;
  result.isComplete = true;
  return true;
}
