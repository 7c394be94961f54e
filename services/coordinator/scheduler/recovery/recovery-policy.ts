/** What a failure means for the query. */
import type { ErrorReport } from '../../../common/error.ts';
import type { LostOutput } from '../../../common/task/fetch-failure.ts';

interface FailQuery {
  /** The query fails now, with this cause. */
  readonly kind: 'fail-query';
  readonly error: ErrorReport;
}

interface RetryQuery {
  /** The attempt of the query is given up, and there is another one if there may be. */
  readonly kind: 'retry-query';
  readonly error: ErrorReport;
}

export type TaskFailureDecision =
  | FailQuery
  | RetryQuery
  /** A symptom of something deeper, which will be reported within `failureCauseDelayMs` or never. */
  | { readonly kind: 'await-cause'; readonly error: ErrorReport }
  /** Its partition is tried again. `isCounted`: against the limit of its failures. */
  | { readonly kind: 'retry-task'; readonly error: ErrorReport; readonly isCounted: boolean }
  /** What its attempt had and what its partition has left decides (F17). */
  | { readonly kind: 'judge-attempt'; readonly error: ErrorReport }
  /** It could not read this output: what is lost is made again, then its stage goes on (R19). */
  | { readonly kind: 'resubmit-stage'; readonly error: ErrorReport; readonly lost: LostOutput }
  /** Its region begins anew, and with it what it has lost (`lost`: what it could not read) and what reads it (K24). */
  | {
      readonly kind: 'restart-region';
      readonly error: ErrorReport;
      readonly lost: LostOutput | undefined;
    };

export type NodeLossDecision =
  | FailQuery
  | RetryQuery
  /** What the worker ran and stored is lost and made again, as far as it is needed. */
  | { readonly kind: 'replace-node'; readonly error: ErrorReport };

export interface RecoveryPolicy {
  /** A live task failed, or stopped without an order. */
  onTaskFailed(error: ErrorReport): TaskFailureDecision;
  /** A worker is gone with tasks or stored outputs of the query. */
  onNodeLost(error: ErrorReport): NodeLossDecision;
}
