/**
 * Retry NONE: any failure is the query's. A task that could not read another one's pages reports a symptom: its
 * producer has failed or its worker is gone, and that report, which may be on its way, names the cause (T5).
 */
import type { ErrorCode } from '../../../common/error.ts';
import type { RecoveryPolicy } from './recovery-policy.ts';

const SYMPTOMS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'REMOTE_TASK_FAILED',
  'EXCHANGE_FAILED',
  'OUTPUT_PAGE_LOST',
  'TASK_NOT_FOUND',
  'TASK_MISMATCH',
]);

export const failQueryPolicy: RecoveryPolicy = {
  onTaskFailed: (error) => ({
    kind: SYMPTOMS.has(error.code) ? 'await-cause' : 'fail-query',
    error,
  }),
  onNodeLost: (error) => ({ kind: 'fail-query', error }),
};
