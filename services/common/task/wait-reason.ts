/** Everything that a query, a stage or a task may wait for, by name (T21): what clients and tables show. Names are only added. */
export const WAIT_REASONS = [
  // A query before it runs, and between its attempts.
  'waiting-for-admission',
  'waiting-for-plan',
  'waiting-for-failure-cause',
  'waiting-for-retry',
  // Stages.
  'waiting-for-earlier-stages',
  'waiting-for-dynamic-filters',
  'waiting-for-source',
  'split-queues-full',
  'waiting-for-locality',
  'writer-scaling',
  'waiting-for-tasks',
  'waiting-for-consumers',
  'result-not-consumed',
  // Stages and tasks.
  'waiting-for-input',
  'waiting-for-slot',
  'waiting-for-lane',
  'waiting-for-memory',
  // Tasks.
  'waiting-for-report',
  'waiting-for-splits',
  'waiting-for-stop',
  'output-full',
] as const;

export type WaitReason = (typeof WAIT_REASONS)[number];
