/** Which stages may start (T33, P4). */
import type { FragmentId } from '../../../common/ids.ts';
import type { PlanFragment } from '../../../common/plan/plan-fragment.ts';
import type { QuerySchedulerState } from '../scheduler-state.ts';
import type { StageState } from '../stage-state.ts';

/** Why a stage started when it did, by name. */
export type StageStartReason =
  /** All stages start with the query. */
  | 'all-at-once'
  /** Nothing has to start before it. */
  | 'nothing-before-it'
  /** What it waits for has all of its tasks and splits. */
  | 'builds-scheduled'
  /** A stage that feeds it has no room left for its rows. */
  | 'producer-full'
  /** A scan waits for a dynamic filter that it helps to make. */
  | 'filter-awaited'
  /** Its phase's turn has come. */
  | 'phase-reached'
  /** All that it reads is stored. */
  | 'inputs-stored'
  /** Some of what it reads is stored, and nothing else had to be done. */
  | 'speculative'
  /** It may have the rows of its LIMIT before all that it reads is stored. */
  | 'eager-speculative';

export interface StageStart {
  readonly stage: StageState;
  readonly reason: StageStartReason;
}

/** What a policy works out of the plan, once: its own data, which no other policy reads. */
export type ExecutionSchedule =
  | { readonly kind: 'none' }
  /** The plan cannot be executed in any order. */
  | { readonly kind: 'impossible'; readonly problem: string }
  /** By stage: those that must be `scheduled` first. */
  | {
      readonly kind: 'edges';
      readonly startsAfter: Readonly<Record<number, readonly FragmentId[]>>;
    }
  /** Stages that stream to each other, start and fail together, in order. */
  | { readonly kind: 'regions'; readonly regions: readonly (readonly FragmentId[])[] }
  /** Stages that start together, in order. */
  | { readonly kind: 'phases'; readonly phases: readonly (readonly FragmentId[])[] };

export interface ExecutionPolicy {
  createSchedule(fragments: readonly PlanFragment[]): ExecutionSchedule;
  /** Planned stages that may start now, in the order in which they start. Asked again after every change. */
  stagesToStart(state: QuerySchedulerState): readonly StageStart[];
}
