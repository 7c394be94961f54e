import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PartitionId } from '../../../../services/common/ids.ts';
import {
  decodeResultToken,
  encodeResultToken,
} from '../../../../services/gateway/result/result-token.ts';

const QUERY_ID = '20260315_142501_00042_k7f3a';
const entry = fc.tuple(fc.nat({ max: 99_999 }), fc.nat({ max: Number.MAX_SAFE_INTEGER }));

describe('result tokens', () => {
  it('say after a round trip what they said before', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.array(entry, { maxLength: 40 }),
        fc.boolean(),
        (attempt, entries, complete) => {
          const pages = new Map(
            entries.map(([partition, page]) => [partition as PartitionId, page]),
          );
          const token = { queryId: QUERY_ID, attempt, pages, complete };
          expect(decodeResultToken(encodeResultToken(token), QUERY_ID)).toEqual(token);
        },
      ),
    );
  });

  it('are refused when they are anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        let token: ReturnType<typeof decodeResultToken>;
        try {
          token = decodeResultToken(bytes, QUERY_ID);
        } catch (error) {
          expect(error).toMatchObject({ code: 'RESULT_TOKEN_INVALID' });
          return;
        }
        expect(decodeResultToken(encodeResultToken(token), QUERY_ID)).toEqual(token);
      }),
    );
  });

  it('are refused when they are of another query, where they would be a gap', () => {
    fc.assert(
      fc.property(fc.nat({ max: 99_999 }), fc.boolean(), (sequence, complete) => {
        const queryId = `20260315_142502_${String(sequence).padStart(5, '0')}_k7f3a`;
        const token = encodeResultToken({ queryId, attempt: 0, pages: new Map(), complete });
        expect(() => decodeResultToken(token, QUERY_ID)).toThrow(
          expect.objectContaining({ code: 'RESULT_TOKEN_INVALID' }),
        );
      }),
    );
  });

  it('are refused when they are cut', () => {
    const token = encodeResultToken({
      queryId: QUERY_ID,
      attempt: 3,
      pages: new Map([[0 as PartitionId, 700]]),
      complete: false,
    });
    for (let length = 0; length < token.length; length += 1) {
      expect(() => decodeResultToken(token.subarray(0, length), QUERY_ID)).toThrow(
        'not one that this service has given',
      );
    }
  });
});
