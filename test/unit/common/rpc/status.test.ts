import { status as grpcStatus } from '@grpc/grpc-js';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ErrorInfo, RetryInfo } from '../../../../proto/gen/google/rpc/error_details.ts';
import { Status } from '../../../../proto/gen/google/rpc/status.ts';
import type { ErrorReport } from '../../../../services/common/error.ts';
import { ERROR_POLICIES, toErrorReport } from '../../../../services/common/error.ts';
import { detailedError, errorOfCall, statusOf } from '../../../../services/common/rpc/status.ts';
import { errorReportArbitrary } from '../../../support/plan-arbitraries.ts';

function detailsOf(report: ErrorReport): Status {
  const [bytes] = statusOf(report).metadata.get('grpc-status-details-bin');
  if (!(bytes instanceof Buffer)) throw new Error('no details');
  return Status.decode(bytes);
}

const peer = { unavailable: 'EXCHANGE_FAILED', details: { node_id: 'worker-1' } } as const;

describe('an error as a gRPC status', () => {
  it('comes back with its code, message, position and details', () => {
    const report: ErrorReport = {
      code: 'COLUMN_NOT_FOUND',
      message: 'no column “größe”',
      position: 17,
      details: { column: 'größe', table: 't' },
    };
    const error = detailedError(statusOf(report));
    expect(error === undefined ? undefined : toErrorReport(error)).toEqual(report);
  });

  it('has the status of the error table and an ErrorInfo with the code as reason', () => {
    const report: ErrorReport = { code: 'TABLE_NOT_FOUND', message: 'no table t', position: 14 };
    expect(statusOf(report)).toMatchObject({ code: grpcStatus.NOT_FOUND, details: 'no table t' });
    const [any] = detailsOf(report).details;
    expect(any?.typeUrl).toBe('type.googleapis.com/google.rpc.ErrorInfo');
    expect(ErrorInfo.decode(any?.value ?? new Uint8Array())).toEqual({
      reason: 'TABLE_NOT_FOUND',
      domain: 'skein',
      metadata: { position: '14' },
    });
  });

  it('tells the caller when to retry, where a retry may help', () => {
    for (const [code, { retry, status }] of Object.entries(ERROR_POLICIES)) {
      const { details } = detailsOf({ code: code as ErrorReport['code'], message: '' });
      const [retryInfo] = details.filter(({ typeUrl }) => typeUrl.endsWith('google.rpc.RetryInfo'));
      const mayHelp =
        retry === 'caller' && (status === 'RESOURCE_EXHAUSTED' || status === 'UNAVAILABLE');
      expect(retryInfo !== undefined, code).toBe(mayHelp);
      if (retryInfo === undefined) continue;
      expect(RetryInfo.decode(retryInfo.value).retryDelay?.seconds).toBeGreaterThan(0n);
    }
  });

  it('keeps its trailers below 8 KiB, whatever it says', () => {
    const long = fc.constantFrom('\0', 'ä', '…', '𐍈', 'a').map((unit) => unit.repeat(5_000));
    const details = fc.array(long, { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(errorReportArbitrary, long, details, (report, message, more) => {
        const status = statusOf({
          ...report,
          message,
          details: Object.fromEntries(more.entries()),
        });
        const [bytes] = status.metadata.get('grpc-status-details-bin');
        const trailerBytes = encodeURI(status.details).length + ((bytes?.length ?? 0) * 4) / 3;
        expect(trailerBytes).toBeLessThan(8_000);
        expect(detailedError(status)?.code).toBe(report.code);
      }),
    );
  });

  it('stands a lone surrogate in the message, at which grpc-js would throw', () => {
    const { details } = statusOf({ code: 'INTERNAL_ERROR', message: 'half \ud800 of a pair' });
    expect(() => encodeURI(details)).not.toThrow();
  });
});

describe('a failed call without details of ours', () => {
  it.each([
    [grpcStatus.UNAVAILABLE, 'EXCHANGE_FAILED'],
    [grpcStatus.DEADLINE_EXCEEDED, 'EXCHANGE_FAILED'],
    [grpcStatus.CANCELLED, 'EXCHANGE_FAILED'],
    [grpcStatus.RESOURCE_EXHAUSTED, 'MESSAGE_TOO_LARGE'],
    [grpcStatus.UNIMPLEMENTED, 'INTERNAL_ERROR'],
    [grpcStatus.UNAUTHENTICATED, 'UNAUTHENTICATED'],
  ])('status %i is %s and names the peer', (code, expected) => {
    const failure = Object.assign(new Error('x'), {
      ...statusOf({ code: 'SHUTTING_DOWN', message: '' }),
      code,
    });
    failure.metadata.remove('grpc-status-details-bin');
    const error = errorOfCall(failure, peer);
    expect(error.code).toBe(expected);
    expect(error.details).toEqual({ node_id: 'worker-1', grpc_status: grpcStatus[code] });
  });

  it('is not fooled by details that are not ours', () => {
    const status = statusOf({ code: 'SHUTTING_DOWN', message: '' });
    status.metadata.set('grpc-status-details-bin', Buffer.from([255, 255, 255]));
    expect(detailedError(status)).toBeUndefined();
  });
});
