/**
 * Retry TASK (Trino's fault-tolerant execution): what a failure means depends on what its attempt had and on what its
 * partition has left (F17); a lost worker takes its attempts with it, and nothing that was stored.
 */
import type { RecoveryPolicy } from './recovery-policy.ts';

export const retryTask: RecoveryPolicy = {
  onTaskFailed: (error) => ({ kind: 'judge-attempt', error }),
  onNodeLost: (error) => ({ kind: 'replace-node', error }),
};
