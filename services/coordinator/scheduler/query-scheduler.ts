/**
 * The scheduling kernel: one instance per query, one writer, no I/O, no clock, no chance of its own. The state is
 * plain JSON-safe data that only these two functions change; the same inits and events give the same
 * effects, so a log of (now, event) is the query's history. States, events and invariants: SPEC.md.
 */
import type { Instant } from '../../common/ids.ts';
import type { SchedulerEffect } from './scheduler-effect.ts';
import type { SchedulerEvent } from './scheduler-event.ts';
import type { QuerySchedulerInit } from './scheduler-options.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';

export interface QueryScheduler {
  readonly state: QuerySchedulerState;
  readonly effects: readonly SchedulerEffect[];
}

/** Starts a query: its state, and the first orders. Never throws for a bad plan: that query fails at once. */
export function createQueryScheduler(init: QuerySchedulerInit, now: Instant): QueryScheduler {
  void now;
  return { state: { queryId: init.queryId }, effects: [] };
}

/** Takes one fact, changes `state`, returns the orders that follow from it, to be carried out in this order. */
export function onEvent(
  state: QuerySchedulerState,
  event: SchedulerEvent,
  now: Instant,
): readonly SchedulerEffect[] {
  void [state, event, now];
  return [];
}
