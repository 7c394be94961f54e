/** Which stages may start (T33, P4). */
import type { QuerySchedulerState } from '../scheduler-state.ts';
import type { StageState } from '../stage-state.ts';

/** Why a stage started when it did, by name. */
export type StageStartReason =
  /** All stages start with the query. */
  'all-at-once';

export interface ExecutionPolicy {
  /** Why it starts the stages that it names. */
  readonly startReason: StageStartReason;
  /** Planned stages that may start now, in the order in which they start. Asked again after every change. */
  stagesToStart(state: QuerySchedulerState): readonly StageState[];
}
