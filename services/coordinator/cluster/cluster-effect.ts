/** What membership orders and announces. */
import type { ErrorReport } from '../../common/error.ts';
import type { Instant } from '../../common/ids.ts';
import type { SchedulerEvent } from '../scheduler/scheduler-event.ts';
import type { WorkerRun } from './cluster-event.ts';

/** What every query's scheduler must hear. */
export type NodeEvent = Extract<
  SchedulerEvent,
  { readonly kind: 'node-joined' | 'node-draining' | 'node-lost' }
>;

export type ClusterEffect =
  /** Welcome it. `isReturning`: the same run is back; both sides resend what was not acknowledged. */
  | ({ readonly kind: 'admit-worker'; readonly isReturning: boolean } & WorkerRun)
  /** Answer its hello with this error and close the stream. */
  | ({ readonly kind: 'refuse-worker'; readonly error: ErrorReport } & WorkerRun)
  /** This run does not belong to the cluster any more: end its stream, drop what waits for it. */
  | ({ readonly kind: 'dismiss-worker' } & WorkerRun)
  | ({ readonly kind: 'drain-worker' } & WorkerRun)
  | { readonly kind: 'publish'; readonly event: NodeEvent }
  /** Send `timer-fired` at this instant; earlier timers stay armed and do no harm. */
  | { readonly kind: 'arm-timer'; readonly at: Instant };
