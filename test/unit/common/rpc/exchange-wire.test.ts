import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FetchResponse as WireFetchResponse } from '../../../../proto/gen/skein/internal/v1/exchange.ts';
import type { Page } from '../../../../services/common/page/page.ts';
import type { FetchResponse } from '../../../../services/common/rpc/exchange-wire.ts';
import {
  decodeFetchResponse,
  encodeFetchResponse,
} from '../../../../services/common/rpc/exchange-wire.ts';

const page = fc
  .uint8Array({ minLength: 1, maxLength: 400 })
  .map((bytes): Page => bytes.slice().buffer);
const response = fc.record({
  token: fc.maxSafeNat(),
  page: fc.option(page, { nil: undefined }),
  isLast: fc.boolean(),
});

/** The message as grpc-js puts it into a frame. */
function sent(message: FetchResponse): Buffer {
  const serialized = encodeFetchResponse(message);
  const frame = Buffer.alloc(5 + serialized.byteLength);
  serialized.copy(frame, 5);
  return frame.subarray(5);
}

describe('the hand-framed FetchResponse', () => {
  it('is what ts-proto reads and writes', () => {
    fc.assert(
      fc.property(response, (message) => {
        const bytes = sent(message);
        const read = WireFetchResponse.decode(bytes);
        expect({ ...read, page: new Uint8Array(read.page) }).toEqual({
          token: BigInt(message.token),
          page: new Uint8Array(message.page ?? new ArrayBuffer(0)),
          bufferComplete: message.isLast,
        });
        expect(decodeFetchResponse(Buffer.from(WireFetchResponse.encode(read).finish()))).toEqual(
          message,
        );
      }),
    );
  });

  it('gives every page memory of its own, which can be transferred', () => {
    const message = { token: 1, page: new ArrayBuffer(64), isLast: false };
    const bytes = sent(message);
    const decoded = decodeFetchResponse(bytes);
    expect(decoded.page?.byteLength).toBe(64);
    expect(decoded.page).not.toBe(bytes.buffer);
    expect(structuredClone(decoded.page, { transfer: [decoded.page!] })).toEqual(message.page);
  });
});
