import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../../services/common/error.ts';
import { lostOutputOf, producerDetails } from '../../../../services/common/task/fetch-failure.ts';
import { outputLocationArbitrary } from '../../../support/plan-arbitraries.ts';

const LOSSES: readonly ErrorCode[] = [
  'OUTPUT_PAGE_LOST',
  'EXCHANGE_FAILED',
  'PAGE_CORRUPT',
  'TASK_NOT_FOUND',
  'TASK_MISMATCH',
];

describe('a fetch failure (R19)', () => {
  it('says which output is lost, and where it was', () => {
    fc.assert(
      fc.property(outputLocationArbitrary, fc.constantFrom(...LOSSES), (location, code) => {
        const { taskId, nodeId, nodeInstanceId } = location;
        const details = { ...producerDetails(location), address: 'somewhere:1' };
        expect(lostOutputOf({ code, message: '', details })).toEqual({
          taskId,
          nodeId,
          nodeInstanceId,
        });
      }),
    );
  });

  it('is none when the producer refused or failed, or when nobody was read', () => {
    fc.assert(
      fc.property(outputLocationArbitrary, (location) => {
        const details = producerDetails(location);
        const codes: readonly ErrorCode[] = ['PERMISSION_DENIED', 'REMOTE_TASK_FAILED'];
        for (const code of codes)
          expect(lostOutputOf({ code, message: '', details })).toBe(undefined);
        expect(lostOutputOf({ code: 'OUTPUT_PAGE_LOST', message: '' })).toBe(undefined);
        const noTask = { ...details, producer_task_id: 'none' };
        expect(lostOutputOf({ code: 'PAGE_CORRUPT', message: '', details: noTask })).toBe(
          undefined,
        );
      }),
    );
  });
});
