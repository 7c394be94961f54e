import fc from 'fast-check';
import type { QueryShare } from '../../services/common/sharing/query-share.ts';
import { SHARING_POLICIES } from '../../services/common/sharing/sharing-policy.ts';

const duration = fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 });

const times = {
  'waiting-for-splits': duration,
  'waiting-for-input': duration,
  'waiting-for-slot': duration,
  'output-full': duration,
};

export const blockedTimesArbitrary = fc.record(times);
export const blockedReasonArbitrary = fc.constantFrom(
  'none',
  ...(Object.keys(times) as (keyof typeof times)[]),
);

export const queryShareArbitrary: fc.Arbitrary<QueryShare> = fc.record({
  arrival: fc.maxSafeNat(),
  priority: fc.nat(),
  groups: fc.array(
    fc.record({
      name: fc.string(),
      policy: fc.constantFrom(...SHARING_POLICIES),
      weight: fc.integer({ min: 1, max: 10_000 }),
      minShare: fc.nat(),
      priority: fc.nat(),
    }),
    { maxLength: 3 },
  ),
});
