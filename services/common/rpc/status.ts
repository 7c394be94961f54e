/**
 * EngineError ↔ gRPC status. The status carries a google.rpc.Status whose ErrorInfo has the code as reason and
 * names, position and so on as metadata (AIP-193), so that a peer never reads the message to decide.
 */
import type { ServiceError, StatusObject } from '@grpc/grpc-js';
import { Metadata, status as grpcStatus } from '@grpc/grpc-js';
import { Any } from '../../../proto/gen/google/protobuf/any.ts';
import { ErrorInfo, QuotaFailure, RetryInfo } from '../../../proto/gen/google/rpc/error_details.ts';
import { Status } from '../../../proto/gen/google/rpc/status.ts';
import type { ErrorCode, ErrorReport } from '../error.ts';
import { EngineError, ERROR_POLICIES, isErrorCode } from '../error.ts';
import { clipText } from './clip-text.ts';

export const ERROR_DOMAIN = 'skein';

const STATUS_DETAILS_KEY = 'grpc-status-details-bin';
const ERROR_INFO_TYPE = 'type.googleapis.com/google.rpc.ErrorInfo';
const QUOTA_FAILURE_TYPE = 'type.googleapis.com/google.rpc.QuotaFailure';
const RETRY_INFO_TYPE = 'type.googleapis.com/google.rpc.RetryInfo';

/**
 * All trailers of a call must stay below 8 KiB, which is the least that gRPC implementations accept. The message
 * travels twice, once percent-encoded (up to three times its bytes) and once in base64.
 */
const MAX_MESSAGE_BYTES = 1_024;
const MAX_DETAIL_BYTES = 192;
const MAX_DETAIL_COUNT = 8;
const POSITION_KEY = 'position';
const RETRY_DELAY_SECONDS = 1n;

/** What a server answers for an error: `code`, `details` (the message) and trailers. */
export function statusOf(report: ErrorReport): StatusObject {
  const code = grpcStatus[ERROR_POLICIES[report.code].status];
  const message = clipText(report.message, MAX_MESSAGE_BYTES);
  const metadata = new Metadata();
  const rich = Status.create({
    code,
    message,
    details: [errorInfo(report), ...retryInfo(report.code), ...quotaFailure(report)],
  });
  metadata.set(STATUS_DETAILS_KEY, Buffer.from(Status.encode(rich).finish()));
  return { code, details: message, metadata };
}

function errorInfo(report: ErrorReport): Any {
  const metadata: Record<string, string> = {};
  for (const [key, value] of Object.entries(report.details ?? {}).slice(0, MAX_DETAIL_COUNT)) {
    metadata[clipText(key, 64)] = clipText(value, MAX_DETAIL_BYTES);
  }
  if (report.position !== undefined) metadata[POSITION_KEY] = String(report.position);
  const info = ErrorInfo.create({ reason: report.code, domain: ERROR_DOMAIN, metadata });
  return Any.create({ typeUrl: ERROR_INFO_TYPE, value: ErrorInfo.encode(info).finish() });
}

/** Only where another try may help: the caller's turn, at a later time. */
function retryInfo(code: ErrorCode): Any[] {
  const { retry, status } = ERROR_POLICIES[code];
  if (retry !== 'caller' || (status !== 'RESOURCE_EXHAUSTED' && status !== 'UNAVAILABLE'))
    return [];
  const info = RetryInfo.create({ retryDelay: { seconds: RETRY_DELAY_SECONDS, nanos: 0 } });
  return [Any.create({ typeUrl: RETRY_INFO_TYPE, value: RetryInfo.encode(info).finish() })];
}

/** Names the resource group whose queue is full. */
function quotaFailure({ code, message, details }: ErrorReport): Any[] {
  const subject = details?.['resource_group'];
  if (code !== 'QUERY_QUEUE_FULL' || subject === undefined) return [];
  const description = clipText(message, MAX_DETAIL_BYTES);
  const failure = QuotaFailure.create({
    violations: [{ subject: `resource_group:${clipText(subject, MAX_DETAIL_BYTES)}`, description }],
  });
  return [
    Any.create({ typeUrl: QUOTA_FAILURE_TYPE, value: QuotaFailure.encode(failure).finish() }),
  ];
}

/** How a failed call is to be read that bears no details of ours. */
export interface PeerErrors {
  /** Code for a peer that cannot be reached, hangs up, or is late. */
  readonly unavailable: ErrorCode;
  /** Says that it cannot be reached. Absent: only how the call has failed. */
  readonly message?: string;
  /** Names the peer, for messages. */
  readonly details: Readonly<Record<string, string>>;
}

/** The error of a failed call: the peer's own, or one that says what went wrong with the call. */
export function errorOfCall(error: ServiceError, peer: PeerErrors): EngineError {
  return detailedError(error) ?? plainError(error, peer);
}

/** The EngineError inside the trailers; `undefined` if there is none. */
export function detailedError(
  error: Pick<ServiceError, 'metadata' | 'details'>,
): EngineError | undefined {
  const [bytes] = error.metadata?.get(STATUS_DETAILS_KEY) ?? [];
  if (bytes === undefined || typeof bytes === 'string') return undefined;
  const rich = decoded(() => Status.decode(bytes));
  const any = rich?.details.find(({ typeUrl }) => typeUrl === ERROR_INFO_TYPE);
  const info = any === undefined ? undefined : decoded(() => ErrorInfo.decode(any.value));
  if (rich === undefined || info?.domain !== ERROR_DOMAIN || !isErrorCode(info.reason))
    return undefined;
  const { [POSITION_KEY]: position, ...details } = info.metadata;
  return new EngineError(info.reason, rich.message, {
    ...(position === undefined ? {} : { position: Number(position) }),
    details,
  });
}

/** Bytes from elsewhere that do not decode count as absent: the plain status still says enough. */
function decoded<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}

function plainError(error: ServiceError, peer: PeerErrors): EngineError {
  const name = grpcStatus[error.code] ?? 'UNKNOWN';
  const code = plainCode(error.code, peer);
  const how = `${name}: ${error.details}`;
  const isAbsent = code === peer.unavailable && peer.message !== undefined;
  return new EngineError(code, isAbsent ? `${peer.message} (${how})` : how, {
    details: { ...peer.details, grpc_status: name },
  });
}

function plainCode(code: grpcStatus, peer: PeerErrors): ErrorCode {
  switch (code) {
    case grpcStatus.UNAUTHENTICATED:
      return 'UNAUTHENTICATED';
    case grpcStatus.PERMISSION_DENIED:
      return 'PERMISSION_DENIED';
    case grpcStatus.RESOURCE_EXHAUSTED:
      return 'MESSAGE_TOO_LARGE';
    case grpcStatus.INVALID_ARGUMENT:
      return 'INVALID_REQUEST';
    case grpcStatus.UNIMPLEMENTED:
      return 'INTERNAL_ERROR';
    default:
      return peer.unavailable;
  }
}
