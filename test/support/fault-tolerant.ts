/** Options of queries that retry tasks, for tests of the scheduler. */
import { DEFAULT_TASK_RETRIES } from '../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import type { TaskRetryOptions } from '../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import type { SchedulerOptions } from '../../services/coordinator/scheduler/scheduler-options.ts';

/** A hash stage has a task for each 200 bytes, a source stage one for each split; the spool is there. */
export function faultTolerant(
  taskRetries: Partial<TaskRetryOptions> = {},
): Partial<SchedulerOptions> {
  const { sizing } = DEFAULT_TASK_RETRIES;
  return {
    scheduling: 'fault-tolerant',
    executionPolicy: 'event-driven',
    retryPolicy: 'task',
    hasSpooledExchange: true,
    hashPartitionCount: 2,
    taskRetries: {
      ...DEFAULT_TASK_RETRIES,
      sizing: { ...sizing, maxTaskSplits: 1, minTasksPerNode: 0, hashTargetBytes: 200 },
      ...taskRetries,
    },
  };
}
