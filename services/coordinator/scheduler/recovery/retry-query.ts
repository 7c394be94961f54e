/**
 * Retry QUERY (T6): the whole query is tried again, unless it would fail in the same way. A symptom waits for its cause
 * first: what the user has done wrong is not tried again.
 */
import { ERROR_POLICIES } from '../../../common/error.ts';
import type { ErrorCode } from '../../../common/error.ts';
import type { RecoveryPolicy } from './recovery-policy.ts';
import { isSymptom } from './symptoms.ts';

/** Another worker, or another moment, may do better, though a caller would not be asked to try again. */
const WORTH_A_RETRY: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'INTERNAL_ERROR',
  'SHUTTING_DOWN',
]);

export const retryQueryPolicy: RecoveryPolicy = {
  onTaskFailed(error) {
    if (isSymptom(error.code)) return { kind: 'await-cause', error };
    return { kind: isWorthARetry(error.code) ? 'retry-query' : 'fail-query', error };
  },
  onNodeLost: (error) => ({ kind: 'retry-query', error }),
};

function isWorthARetry(code: ErrorCode): boolean {
  const { retry } = ERROR_POLICIES[code];
  return retry === 'task' || retry === 'producer-stage' || WORTH_A_RETRY.has(code);
}
