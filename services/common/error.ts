/**
 * The one error table: code → who is to blame, who may retry, and the gRPC status (by name; `common/rpc`
 * maps names to numbers). Decide on codes, never on messages. Codes are only ever added.
 */
export type ErrorType = 'user' | 'internal' | 'insufficient-resources' | 'external';

/** Who may try again: nobody, the caller later, the engine by re-running a task, or the producers' stage. */
export type RetryScope = 'never' | 'caller' | 'task' | 'producer-stage';

export type GrpcStatusName =
  | 'CANCELLED'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DATA_LOSS'
  | 'UNAUTHENTICATED';

export interface ErrorPolicy {
  readonly type: ErrorType;
  readonly retry: RetryScope;
  readonly status: GrpcStatusName;
}

export const ERROR_POLICIES = {
  // The statement.
  SYNTAX_ERROR: { type: 'user', retry: 'never', status: 'INVALID_ARGUMENT' },
  BIND_ERROR: { type: 'user', retry: 'never', status: 'INVALID_ARGUMENT' },
  TABLE_NOT_FOUND: { type: 'user', retry: 'never', status: 'NOT_FOUND' },
  COLUMN_NOT_FOUND: { type: 'user', retry: 'never', status: 'INVALID_ARGUMENT' },
  FUNCTION_NOT_FOUND: { type: 'user', retry: 'never', status: 'INVALID_ARGUMENT' },
  FUNCTION_NOT_ALLOWED: { type: 'user', retry: 'never', status: 'PERMISSION_DENIED' },
  FILE_NOT_ALLOWED: { type: 'user', retry: 'never', status: 'PERMISSION_DENIED' },
  MULTIPLE_STATEMENTS: { type: 'user', retry: 'never', status: 'INVALID_ARGUMENT' },
  EMPTY_STATEMENT: { type: 'user', retry: 'never', status: 'INVALID_ARGUMENT' },
  STATEMENT_NOT_SUPPORTED: { type: 'user', retry: 'never', status: 'UNIMPLEMENTED' },
  STATEMENT_TOO_LARGE: { type: 'user', retry: 'never', status: 'INVALID_ARGUMENT' },
  INVALID_SESSION_PROPERTY: { type: 'user', retry: 'never', status: 'INVALID_ARGUMENT' },
  INVALID_SESSION: { type: 'user', retry: 'never', status: 'INVALID_ARGUMENT' },
  SESSION_TOO_LARGE: { type: 'user', retry: 'never', status: 'INVALID_ARGUMENT' },
  INVALID_PARAMETER: { type: 'user', retry: 'never', status: 'INVALID_ARGUMENT' },
  INVALID_REQUEST: { type: 'user', retry: 'never', status: 'INVALID_ARGUMENT' },
  // The data, found while running.
  CONVERSION_ERROR: { type: 'user', retry: 'never', status: 'INVALID_ARGUMENT' },
  OUT_OF_RANGE: { type: 'user', retry: 'never', status: 'OUT_OF_RANGE' },
  INVALID_INPUT: { type: 'user', retry: 'never', status: 'INVALID_ARGUMENT' },
  SOURCE_NOT_FOUND: { type: 'external', retry: 'never', status: 'NOT_FOUND' },
  SOURCE_CHANGED: { type: 'external', retry: 'caller', status: 'ABORTED' },
  SOURCE_CORRUPT: { type: 'external', retry: 'never', status: 'DATA_LOSS' },
  SOURCE_SCHEMA_MISMATCH: { type: 'external', retry: 'never', status: 'FAILED_PRECONDITION' },
  TABLE_METADATA_INVALID: { type: 'external', retry: 'never', status: 'FAILED_PRECONDITION' },
  SOURCE_ACCESS_DENIED: { type: 'external', retry: 'never', status: 'PERMISSION_DENIED' },
  SOURCE_READ_FAILED: { type: 'external', retry: 'task', status: 'UNAVAILABLE' },
  // The query's life.
  QUERY_NOT_FOUND: { type: 'user', retry: 'never', status: 'NOT_FOUND' },
  QUERY_CANCELLED: { type: 'user', retry: 'never', status: 'CANCELLED' },
  QUERY_ABANDONED: { type: 'user', retry: 'never', status: 'CANCELLED' },
  QUERY_TIMEOUT: { type: 'insufficient-resources', retry: 'caller', status: 'DEADLINE_EXCEEDED' },
  QUERY_QUEUE_FULL: {
    type: 'insufficient-resources',
    retry: 'caller',
    status: 'RESOURCE_EXHAUSTED',
  },
  RESOURCE_GROUP_NOT_FOUND: { type: 'user', retry: 'never', status: 'FAILED_PRECONDITION' },
  OUT_OF_MEMORY: { type: 'insufficient-resources', retry: 'caller', status: 'RESOURCE_EXHAUSTED' },
  OUT_OF_DISK: { type: 'insufficient-resources', retry: 'caller', status: 'RESOURCE_EXHAUSTED' },
  RESULT_TOKEN_EXPIRED: { type: 'user', retry: 'never', status: 'OUT_OF_RANGE' },
  RESULT_TOKEN_INVALID: { type: 'user', retry: 'never', status: 'INVALID_ARGUMENT' },
  // The cluster.
  NO_NODES_AVAILABLE: { type: 'insufficient-resources', retry: 'caller', status: 'UNAVAILABLE' },
  NODE_LOST: { type: 'internal', retry: 'task', status: 'UNAVAILABLE' },
  NODE_REFUSED: { type: 'internal', retry: 'never', status: 'FAILED_PRECONDITION' },
  COORDINATOR_OVERLOADED: {
    type: 'insufficient-resources',
    retry: 'caller',
    status: 'RESOURCE_EXHAUSTED',
  },
  COORDINATOR_UNAVAILABLE: { type: 'internal', retry: 'caller', status: 'UNAVAILABLE' },
  GATEWAY_UNAVAILABLE: { type: 'internal', retry: 'caller', status: 'UNAVAILABLE' },
  PLANNER_FAILED: { type: 'internal', retry: 'caller', status: 'INTERNAL' },
  PLANNING_TIMEOUT: {
    type: 'insufficient-resources',
    retry: 'caller',
    status: 'DEADLINE_EXCEEDED',
  },
  PLANNING_OUT_OF_MEMORY: {
    type: 'insufficient-resources',
    retry: 'never',
    status: 'RESOURCE_EXHAUSTED',
  },
  SHUTTING_DOWN: { type: 'insufficient-resources', retry: 'caller', status: 'UNAVAILABLE' },
  TASK_NOT_FOUND: { type: 'internal', retry: 'task', status: 'NOT_FOUND' },
  TASK_MISMATCH: { type: 'internal', retry: 'task', status: 'FAILED_PRECONDITION' },
  TASK_ABANDONED: { type: 'internal', retry: 'task', status: 'ABORTED' },
  REMOTE_TASK_FAILED: { type: 'internal', retry: 'task', status: 'ABORTED' },
  OUTPUT_PAGE_LOST: { type: 'internal', retry: 'producer-stage', status: 'DATA_LOSS' },
  EXCHANGE_FAILED: { type: 'internal', retry: 'producer-stage', status: 'UNAVAILABLE' },
  PAGE_CORRUPT: { type: 'internal', retry: 'producer-stage', status: 'DATA_LOSS' },
  SERVICE_NOT_FOUND: { type: 'user', retry: 'never', status: 'NOT_FOUND' },
  CALL_CANCELLED: { type: 'user', retry: 'never', status: 'CANCELLED' },
  MESSAGE_TOO_LARGE: {
    type: 'insufficient-resources',
    retry: 'never',
    status: 'RESOURCE_EXHAUSTED',
  },
  PERMISSION_DENIED: { type: 'user', retry: 'never', status: 'PERMISSION_DENIED' },
  UNAUTHENTICATED: { type: 'user', retry: 'never', status: 'UNAUTHENTICATED' },
  INVALID_CONFIGURATION: { type: 'user', retry: 'never', status: 'FAILED_PRECONDITION' },
  INTERNAL_ERROR: { type: 'internal', retry: 'never', status: 'INTERNAL' },
} as const satisfies Record<string, ErrorPolicy>;

export type ErrorCode = keyof typeof ERROR_POLICIES;

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_POLICIES, text);
}

/** What travels of an error: plain data, safe in events, on the wire and in recordings. */
export interface ErrorReport {
  readonly code: ErrorCode;
  readonly message: string;
  /** Where in the statement: a 0-based offset in UTF-8 bytes, as DuckDB reports it. */
  readonly position?: number;
  /** Names of the things concerned: `query_id`, `task_id`, `node_id`, `file`, `column`, `property` … */
  readonly details?: Readonly<Record<string, string>>;
}

/** Every failure that a caller is meant to see. Anything else thrown is a bug and becomes INTERNAL_ERROR. */
export class EngineError extends Error {
  readonly code: ErrorCode;
  readonly position: number | undefined;
  readonly details: Readonly<Record<string, string>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      readonly position?: number | undefined;
      readonly details?: Readonly<Record<string, string>>;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'EngineError';
    this.code = code;
    this.position = options.position;
    this.details = options.details ?? {};
  }
}

/** Of a bug only its first line: what it says travels to clients, and the rest is for the log of whoever caught it. */
export function toErrorReport(error: unknown): ErrorReport {
  if (!(error instanceof EngineError)) {
    const [message = ''] = String(error).split('\n', 1);
    return { code: 'INTERNAL_ERROR', message };
  }
  return {
    code: error.code,
    message: error.message,
    ...(error.position === undefined ? {} : { position: error.position }),
    ...(Object.keys(error.details).length === 0 ? {} : { details: error.details }),
  };
}

/** `cause`: what the report leaves out, for the log. */
export function fromErrorReport(report: ErrorReport, cause?: string): EngineError {
  return new EngineError(report.code, report.message, {
    position: report.position,
    cause,
    ...(report.details === undefined ? {} : { details: report.details }),
  });
}
