/**
 * Retry STAGE (Spark): a failed partition is tried again; outputs that are lost are made again before the stage that reads
 * them goes on. What no re-run can change fails the query at once.
 */
import { ERROR_POLICIES } from '../../../common/error.ts';
import type { ErrorCode } from '../../../common/error.ts';
import { lostOutputOf } from '../../../common/task/fetch-failure.ts';
import type { RecoveryPolicy } from './recovery-policy.ts';

/** Where another worker, or another moment, may do better, though a caller would not be asked to try again. */
const WORTH_A_RETRY: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'INTERNAL_ERROR',
  'OUT_OF_MEMORY',
  'OUT_OF_DISK',
  'SHUTTING_DOWN',
]);

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

function isWorthARetry(code: ErrorCode): boolean {
  const { retry } = ERROR_POLICIES[code];
  return retry === 'task' || retry === 'producer-stage' || WORTH_A_RETRY.has(code);
}
