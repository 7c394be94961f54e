/** Every stage at once, producers before consumers (§5, all-at-once). */
import type { ExecutionPolicy } from './execution-policy.ts';

export const allAtOnce: ExecutionPolicy = {
  startReason: 'all-at-once',
  stagesToStart: (state) => state.stages.filter((stage) => stage.kind === 'planned'),
};
