/**
 * Retry NONE: any failure is the query's. A task that could not read another one's pages reports a symptom: its
 * producer has failed or its worker is gone, and that report, which may be on its way, names the cause (T5).
 */
import type { RecoveryPolicy } from './recovery-policy.ts';
import { isSymptom } from './symptoms.ts';

export const failQueryPolicy: RecoveryPolicy = {
  onTaskFailed: (error) => ({
    kind: isSymptom(error.code) ? 'await-cause' : 'fail-query',
    error,
  }),
  onNodeLost: (error) => ({ kind: 'fail-query', error }),
};
