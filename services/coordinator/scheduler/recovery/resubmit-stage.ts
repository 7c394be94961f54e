/**
 * Retry STAGE (Spark): a failed partition is tried again; outputs that are lost are made again before the stage that reads
 * them goes on. What no re-run can change fails the query at once.
 */
import { lostOutputOf } from '../../../common/task/fetch-failure.ts';
import type { RecoveryPolicy } from './recovery-policy.ts';
import { isWorthARetry } from './worth-a-retry.ts';

export const resubmitStage: RecoveryPolicy = {
  onTaskFailed(error) {
    const lost = lostOutputOf(error);
    if (lost !== undefined) return { kind: 'resubmit-stage', error, lost };
    if (!isWorthARetry(error.code)) return { kind: 'fail-query', error };
    // A draining worker refuses what it had been sent before anybody knew.
    return { kind: 'retry-task', error, isCounted: error.code !== 'SHUTTING_DOWN' };
  },
  onNodeLost: (error) => ({ kind: 'replace-node', error }),
};
