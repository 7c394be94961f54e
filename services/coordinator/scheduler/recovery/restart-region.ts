/**
 * Retry REGION (Flink, K24): a failure restarts the region in which it happened, what it has lost of others, and all that
 * reads them. What no re-run can change fails the query at once.
 */
import { lostOutputOf } from '../../../common/task/fetch-failure.ts';
import type { RecoveryPolicy } from './recovery-policy.ts';
import { isWorthARetry } from './worth-a-retry.ts';

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
