/** What follows from a failed attempt of a partition (F17, R10, R19). */
import type { ErrorReport } from '../../../common/error.ts';
import { lostOutputOf } from '../../../common/task/fetch-failure.ts';
import type { LostOutput } from '../../../common/task/fetch-failure.ts';
import { classOf, countsAsAttempt, delaysScheduling } from './failure-class.ts';
import { isRetryHopeless, retryNeed } from './memory-estimator.ts';
import type { MemoryEstimator } from './memory-estimator.ts';

export interface FailedAttempt {
  readonly error: ErrorReport;
  /** Attempts that the partition had left before this one ended, this one included. */
  readonly attemptsLeft: number;
  readonly needBytes: number;
  readonly peakBytes: number;
}

export type FailureVerdict =
  | { readonly kind: 'fail-query'; readonly error: ErrorReport }
  /** The partition runs again, at once if its input is there. */
  | {
      readonly kind: 'retry-task';
      readonly attemptsLeft: number;
      readonly needBytes: number;
      /** Scheduling of the whole query pauses (F19). */
      readonly delays: boolean;
    }
  /** First this output, which it reads, has to be made again; no attempt is used up. */
  | { readonly kind: 'restore-input'; readonly lost: LostOutput };

export function judgeFailure(
  failed: FailedAttempt,
  estimator: MemoryEstimator,
  largestNodeBytes: number,
): FailureVerdict {
  const { error, needBytes, peakBytes } = failed;
  const { code } = error;
  const failureClass = classOf(error);
  if (failureClass === 'fatal') return { kind: 'fail-query', error };
  const lost = lostOutputOf(error);
  if (lost !== undefined) return { kind: 'restore-input', lost };
  const attemptsLeft = failed.attemptsLeft - (countsAsAttempt(failureClass) ? 1 : 0);
  if (attemptsLeft <= 0) return { kind: 'fail-query', error };
  const ended = { needBytes, peakBytes, code };
  const nextNeedBytes = retryNeed(estimator, { ...ended, attemptsLeft }, largestNodeBytes);
  if (isRetryHopeless(ended, nextNeedBytes)) return { kind: 'fail-query', error };
  return {
    kind: 'retry-task',
    attemptsLeft,
    needBytes: nextNeedBytes,
    delays: delaysScheduling(error),
  };
}
