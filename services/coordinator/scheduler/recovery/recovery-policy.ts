/** What a failure means for the query. */
import type { ErrorReport } from '../../../common/error.ts';

export type RecoveryDecision =
  /** The query fails now, with this cause. */
  | { readonly kind: 'fail-query'; readonly error: ErrorReport }
  /** A symptom of something deeper, which will be reported within `failureCauseDelayMs` or never. */
  | { readonly kind: 'await-cause'; readonly error: ErrorReport };

export interface RecoveryPolicy {
  /** A live task failed, or stopped without an order. */
  onTaskFailed(error: ErrorReport): RecoveryDecision;
  /** A worker is gone with live tasks of the query. */
  onNodeLost(error: ErrorReport): RecoveryDecision;
}
