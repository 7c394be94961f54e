/** A stage when what it reads is stored, or enough of it to begin as a speculation (Trino's fault-tolerant execution, F3). */
import { assertNever } from '../../../common/assert.ts';
import type { ExecutionClass } from '../fault-tolerant/execution-class.ts';
import { startClassOf } from '../speculative-start.ts';
import type { ExecutionPolicy, StageStartReason } from './execution-policy.ts';

export const eventDriven: ExecutionPolicy = {
  createSchedule: () => ({ kind: 'none' }),
  stagesToStart: (state) =>
    state.stages.flatMap((stage) => {
      const startClass = stage.kind === 'planned' ? startClassOf(state, stage) : undefined;
      return startClass === undefined ? [] : { stage, reason: reasonOf(startClass) };
    }),
};

function reasonOf(startClass: ExecutionClass): StageStartReason {
  switch (startClass) {
    case 'standard':
      return 'inputs-stored';
    case 'speculative':
    case 'eager-speculative':
      return startClass;
    default:
      return assertNever(startClass);
  }
}
