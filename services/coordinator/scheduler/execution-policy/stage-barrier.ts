/** A stage when everything that it reads is stored: all partitions of all stages that feed it (Spark, R18). */
import { isWhole } from '../partition-state.ts';
import { producersOf } from '../stage-link.ts';
import type { ExecutionPolicy } from './execution-policy.ts';

export const stageBarrier: ExecutionPolicy = {
  createSchedule: () => ({ kind: 'none' }),
  stagesToStart: (state) =>
    state.stages
      .filter((stage) => stage.kind === 'planned' && producersOf(state, stage).every(isWhole))
      .map((stage) => ({ stage, reason: 'inputs-stored' })),
};
