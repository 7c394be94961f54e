/** Which failures of a task another attempt may not meet. */
import { ERROR_POLICIES } from '../../../common/error.ts';
import type { ErrorCode } from '../../../common/error.ts';

/** Where another worker, or another moment, may do better, though a caller would not be asked to try again. */
const ELSEWHERE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'INTERNAL_ERROR',
  'OUT_OF_MEMORY',
  'OUT_OF_DISK',
  'SHUTTING_DOWN',
]);

export function isWorthARetry(code: ErrorCode): boolean {
  const { retry } = ERROR_POLICIES[code];
  return retry === 'task' || retry === 'producer-stage' || ELSEWHERE.has(code);
}
