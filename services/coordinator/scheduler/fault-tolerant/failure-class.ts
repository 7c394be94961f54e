/**
 * What a failed attempt means to a query that retries tasks (F17, F20, R19, S17): one table over all error codes, which are
 * the only thing that decides. A new code fails to compile here.
 */
import { ERROR_POLICIES } from '../../../common/error.ts';
import type { ErrorCode, ErrorReport } from '../../../common/error.ts';
import { lostOutputOf } from '../../../common/task/fetch-failure.ts';

export type FailureClass =
  /** No attempt can go better: the query fails. */
  | 'fatal'
  /** The attempt counts; another one, elsewhere if possible, may go better. */
  | 'task'
  /** The attempt counts; the next one needs more memory. */
  | 'memory'
  /** Its worker is gone, or has forgotten it: it counts, and may have been too much for the worker. */
  | 'worker'
  /** Its worker stops because it was told to: it does not count, and runs elsewhere. */
  | 'moved'
  /** What it reads is gone: it does not count, and what made its input runs again (R19). */
  | 'input';

export const FAILURE_CLASSES: Readonly<Record<ErrorCode, FailureClass>> = {
  SYNTAX_ERROR: 'fatal',
  BIND_ERROR: 'fatal',
  TABLE_NOT_FOUND: 'fatal',
  COLUMN_NOT_FOUND: 'fatal',
  FUNCTION_NOT_FOUND: 'fatal',
  FUNCTION_NOT_ALLOWED: 'fatal',
  FILE_NOT_ALLOWED: 'fatal',
  MULTIPLE_STATEMENTS: 'fatal',
  EMPTY_STATEMENT: 'fatal',
  STATEMENT_NOT_SUPPORTED: 'fatal',
  STATEMENT_TOO_LARGE: 'fatal',
  INVALID_SESSION_PROPERTY: 'fatal',
  INVALID_SESSION: 'fatal',
  SESSION_TOO_LARGE: 'fatal',
  INVALID_PARAMETER: 'fatal',
  INVALID_REQUEST: 'fatal',
  CONVERSION_ERROR: 'fatal',
  OUT_OF_RANGE: 'fatal',
  INVALID_INPUT: 'fatal',
  SOURCE_NOT_FOUND: 'fatal',
  SOURCE_CHANGED: 'fatal',
  SOURCE_CORRUPT: 'fatal',
  SOURCE_SCHEMA_MISMATCH: 'fatal',
  TABLE_METADATA_INVALID: 'fatal',
  SOURCE_ACCESS_DENIED: 'fatal',
  SOURCE_READ_FAILED: 'task',
  QUERY_NOT_FOUND: 'fatal',
  QUERY_CANCELLED: 'fatal',
  QUERY_ABANDONED: 'fatal',
  QUERY_TIMEOUT: 'fatal',
  QUERY_QUEUE_FULL: 'fatal',
  RESOURCE_GROUP_NOT_FOUND: 'fatal',
  OUT_OF_MEMORY: 'memory',
  // Another worker has another disk.
  OUT_OF_DISK: 'task',
  RESULT_TOKEN_EXPIRED: 'fatal',
  RESULT_TOKEN_INVALID: 'fatal',
  // Whoever says so has waited for nodes already.
  NO_NODES_AVAILABLE: 'fatal',
  NODE_LOST: 'worker',
  NODE_REFUSED: 'fatal',
  COORDINATOR_OVERLOADED: 'task',
  COORDINATOR_UNAVAILABLE: 'fatal',
  GATEWAY_UNAVAILABLE: 'fatal',
  PLANNER_FAILED: 'fatal',
  PLANNING_TIMEOUT: 'fatal',
  PLANNING_OUT_OF_MEMORY: 'fatal',
  SHUTTING_DOWN: 'moved',
  TASK_NOT_FOUND: 'worker',
  TASK_MISMATCH: 'worker',
  TASK_ABANDONED: 'worker',
  REMOTE_TASK_FAILED: 'input',
  OUTPUT_PAGE_LOST: 'input',
  EXCHANGE_FAILED: 'input',
  PAGE_CORRUPT: 'input',
  SERVICE_NOT_FOUND: 'fatal',
  CALL_CANCELLED: 'fatal',
  MESSAGE_TOO_LARGE: 'fatal',
  PERMISSION_DENIED: 'fatal',
  UNAUTHENTICATED: 'fatal',
  INVALID_CONFIGURATION: 'fatal',
  // Nobody knows what it was: a worker that is broken in its own way, as often as not.
  INTERNAL_ERROR: 'task',
};

/**
 * Of a failure as it was reported: lost input is one that says whose it was, whatever its code; where nobody says so, there
 * is nothing to make again.
 */
export function classOf(error: ErrorReport): FailureClass {
  if (lostOutputOf(error) !== undefined) return 'input';
  const failureClass = FAILURE_CLASSES[error.code];
  return failureClass === 'input' ? 'task' : failureClass;
}

/** Out of memory, and whatever looks like a worker that died of it (F30). */
export function needsMoreMemory(code: ErrorCode): boolean {
  const failureClass = FAILURE_CLASSES[code];
  return failureClass === 'memory' || failureClass === 'worker';
}

/** A retryable failure that may be of more than one task, so that scheduling had better pause (F19, T6). */
export function delaysScheduling(error: ErrorReport): boolean {
  const failureClass = classOf(error);
  if (failureClass === 'fatal') return false;
  const { type } = ERROR_POLICIES[error.code];
  return countsAsAttempt(failureClass) && (type === 'internal' || type === 'external');
}

/** The attempt is one of those that the partition has (F10). Those that lost their input or had to move are not. */
export function countsAsAttempt(failureClass: FailureClass): boolean {
  return failureClass !== 'input' && failureClass !== 'moved';
}

/** The place may be to blame, so that it counts for exclusion (S17): neither a lost worker nor lost input does. */
export function blamesNode(failureClass: FailureClass): boolean {
  return failureClass === 'task' || failureClass === 'memory';
}

/**
 * A transport error that names a worker which is gone means that the worker is gone (F20): NODE_LOST, with what was
 * reported as its cause. Everything else stays as it is.
 */
export function rewriteTransportFailure(
  error: ErrorReport,
  isNodeLost: (nodeId: string) => boolean,
): ErrorReport {
  const nodeId = error.details?.['node_id'];
  const isTransport = error.code === 'EXCHANGE_FAILED' || error.code === 'SHUTTING_DOWN';
  if (!isTransport || nodeId === undefined || !isNodeLost(nodeId)) return error;
  return {
    code: 'NODE_LOST',
    message: `worker ${nodeId} is gone: ${error.message}`,
    details: { ...error.details, cause: error.code },
  };
}
