/** Which stages may start (T33, P4). */
import type { QuerySchedulerState } from '../scheduler-state.ts';
import type { StageState } from '../stage-state.ts';

export interface ExecutionPolicy {
  /** Planned stages that may start now, in the order in which they start. Asked again after every change. */
  stagesToStart(state: QuerySchedulerState): readonly StageState[];
}
