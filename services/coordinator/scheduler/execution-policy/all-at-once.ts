/** Every stage at once, producers before consumers (§5, all-at-once). */
import type { ExecutionPolicy } from './execution-policy.ts';

export const allAtOnce: ExecutionPolicy = {
  createSchedule: () => ({ kind: 'none' }),
  stagesToStart: (state) =>
    state.stages
      .filter((stage) => stage.kind === 'planned')
      .map((stage) => ({ stage, reason: 'all-at-once' })),
};
