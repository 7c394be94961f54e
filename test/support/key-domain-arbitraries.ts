/** fast-check arbitraries for what dynamic filters are made of. */
import * as fc from 'fast-check';
import type {
  CollectedDomain,
  DynamicFilter,
} from '../../services/common/dynamic-filter/dynamic-filter.ts';
import type { KeyBounds, KeyDomain } from '../../services/common/dynamic-filter/key-domain.ts';
import { someKeys } from '../../services/common/dynamic-filter/key-domain.ts';
import type { FilterId } from '../../services/common/ids.ts';

export const filterIdArbitrary = fc.nat(99).map((id) => id as FilterId);

const text = fc.string({ maxLength: 8 });
const words = fc.array(fc.integer(), { minLength: 4, maxLength: 4 });

export const keyDomainArbitrary: fc.Arbitrary<KeyDomain> = fc.oneof(
  fc.constant<KeyDomain>({ kind: 'all' }),
  fc.constant<KeyDomain>({ kind: 'none' }),
  fc
    .record(
      {
        range: fc.record({ min: text, max: text }),
        values: fc.array(text, { maxLength: 3 }),
        bloom: words,
      },
      { requiredKeys: [], noNullPrototype: true },
    )
    .map(someKeys),
);

export const collectedDomainArbitrary: fc.Arbitrary<CollectedDomain> = fc.record({
  filterId: filterIdArbitrary,
  domain: keyDomainArbitrary,
});

export const dynamicFilterArbitrary: fc.Arbitrary<DynamicFilter> = fc.record({
  filterId: filterIdArbitrary,
  version: fc.maxSafeNat(),
  domain: keyDomainArbitrary,
});

export const keyBoundsArbitrary: fc.Arbitrary<KeyBounds> = fc.record(
  { min: text, max: text, mayBeNull: fc.boolean() },
  { requiredKeys: ['mayBeNull'], noNullPrototype: true },
);
