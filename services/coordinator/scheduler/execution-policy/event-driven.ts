/** A stage when what it reads is stored (Trino's fault-tolerant execution, F3). */
import { isWhole } from '../partition-state.ts';
import type { QuerySchedulerState } from '../scheduler-state.ts';
import { producersOf } from '../stage-link.ts';
import type { StageState } from '../stage-state.ts';
import type { ExecutionPolicy } from './execution-policy.ts';

export const eventDriven: ExecutionPolicy = {
  createSchedule: () => ({ kind: 'none' }),
  stagesToStart: (state) =>
    state.stages
      .filter((stage) => stage.kind === 'planned' && isReady(state, stage))
      .map((stage) => ({ stage, reason: 'inputs-stored' })),
};

function isReady(state: QuerySchedulerState, stage: StageState): boolean {
  return producersOf(state, stage).every(isWhole);
}
