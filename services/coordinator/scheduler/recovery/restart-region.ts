/**
 * Retry REGION (Flink, K24): a failure restarts the region in which it happened, what it has lost of others, and all that
 * reads them. What no re-run can change fails the query at once.
 */
import { ERROR_POLICIES } from '../../../common/error.ts';
import type { ErrorCode } from '../../../common/error.ts';
import { lostOutputOf } from '../../../common/task/fetch-failure.ts';
import type { RecoveryPolicy } from './recovery-policy.ts';

const WORTH_A_RETRY: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'INTERNAL_ERROR',
  'OUT_OF_MEMORY',
  'OUT_OF_DISK',
  'SHUTTING_DOWN',
]);

export const restartRegion: RecoveryPolicy = {
  onTaskFailed(error) {
    // That one says what the cause is, and whether a restart can change it.
    if (error.code === 'REMOTE_TASK_FAILED') return { kind: 'await-cause', error };
    const lost = lostOutputOf(error);
    return lost !== undefined || isWorthARetry(error.code)
      ? { kind: 'restart-region', error, lost }
      : { kind: 'fail-query', error };
  },
  onNodeLost: (error) => ({ kind: 'replace-node', error }),
};

function isWorthARetry(code: ErrorCode): boolean {
  const { retry } = ERROR_POLICIES[code];
  return retry === 'task' || retry === 'producer-stage' || WORTH_A_RETRY.has(code);
}
