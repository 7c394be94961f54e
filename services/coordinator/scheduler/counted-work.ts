/**
 * Whose work counts in the statistics (R20): of each partition one attempt's, however many it took. The rest was done in vain,
 * and is told apart.
 */
import { addTaskStats } from '../../common/task/task-stats-sum.ts';
import { NO_TASK_STATS } from '../../common/task/task-status.ts';
import type { TaskStats } from '../../common/task/task-status.ts';
import { attemptsOf, selectedAttempt } from './partition-state.ts';
import type { StageState, WastedWork } from './stage-state.ts';
import type { TaskState } from './task-state.ts';

/**
 * The attempt of each partition whose rows are read; as long as there is none, the latest one. One that was cancelled stands
 * behind one that had finished: what that had stored is lost, but was read by all who needed it.
 */
export function countedTasks(stage: StageState): readonly TaskState[] {
  return stage.partitions
    .map((partition) => {
      const attempts = attemptsOf(stage, partition);
      const latest = attempts.at(-1);
      const read = selectedAttempt(stage, partition);
      if (read !== undefined || latest?.stop !== 'cancel') return read ?? latest;
      return attempts.findLast(({ kind }) => kind === 'finished') ?? latest;
    })
    .filter((task) => task !== undefined);
}

/** Of attempts that do not count, of earlier runs of the stage, and of earlier attempts of the query. */
export function wastedWork(stage: StageState): WastedWork {
  const counted = new Set(countedTasks(stage));
  const { taskCount, stats } = stage.givenUp;
  const inVain = [...stage.tasks.filter((task) => !counted.has(task)), ...stage.retired];
  return {
    taskCount: taskCount + inVain.length,
    stats: addTaskStats(stats, workOf(inVain)),
  };
}

/** All that was done for the stage so far, when the attempt of the query is given up. */
export function givenUpWork(stage: StageState): WastedWork {
  const wasted = wastedWork(stage);
  const counted = countedTasks(stage);
  return {
    taskCount: wasted.taskCount + counted.length,
    stats: addTaskStats(wasted.stats, workOf(counted)),
  };
}

export function workOf(tasks: readonly TaskState[]): TaskStats {
  return tasks.map(({ stats }) => stats).reduce(addTaskStats, NO_TASK_STATS);
}
