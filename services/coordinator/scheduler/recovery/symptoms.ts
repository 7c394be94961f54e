/** Failures that follow from another one: its report, which may be on its way, names the cause (T5). */
import type { ErrorCode } from '../../../common/error.ts';

const SYMPTOMS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'REMOTE_TASK_FAILED',
  'EXCHANGE_FAILED',
  'OUTPUT_PAGE_LOST',
  'TASK_NOT_FOUND',
  'TASK_MISMATCH',
]);

export function isSymptom(code: ErrorCode): boolean {
  return SYMPTOMS.has(code);
}
