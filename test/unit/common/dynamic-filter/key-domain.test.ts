import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addHashes,
  bloomBitsFor,
  emptyBloom,
  isBloomBits,
  mayContainHash,
} from '../../../../services/common/dynamic-filter/bloom-filter.ts';
import {
  ALL_KEYS,
  compareKeys,
  domainForTasks,
  type KeyDomain,
  type KeyForm,
  mayOverlap,
  NO_KEYS,
  someKeys,
  sortedKeys,
  unionDomains,
  withoutBloom,
} from '../../../../services/common/dynamic-filter/key-domain.ts';

/** A key with a hash of its own, little-endian words. */
const hashOf = (key: string): Uint32Array => {
  let hash = 2_166_136_261;
  for (const character of key) hash = Math.imul(hash ^ character.codePointAt(0)!, 16_777_619);
  return Uint32Array.of(hash, Math.imul(hash, 0x9e3779b1));
};

const BLOOM_BITS = 256;

/** What a task with these keys would report, knowing as much as `knows` says. */
function domainOf(
  keys: readonly string[],
  form: KeyForm,
  knows: { readonly range: boolean; readonly values: boolean; readonly bloom: boolean },
): KeyDomain {
  const values = sortedKeys(new Set(keys), form);
  const [min, max] = [values[0], values.at(-1)];
  if (min === undefined || max === undefined) return NO_KEYS;
  const bloom = emptyBloom(BLOOM_BITS);
  for (const key of keys) addHashes(bloom, hashOf(key));
  return someKeys({
    ...(knows.range ? { range: { min, max } } : {}),
    ...(knows.values ? { values } : {}),
    ...(knows.bloom ? { bloom: Array.from(bloom) } : {}),
  });
}

function holds(domain: KeyDomain, key: string, form: KeyForm): boolean {
  if (!mayOverlap(domain, { min: key, max: key, mayBeNull: false }, form)) return false;
  if (domain.kind !== 'some' || domain.bloom === undefined) return true;
  const [low = 0, high = 0] = hashOf(key);
  return mayContainHash(Int32Array.from(domain.bloom), low, high);
}

const knowledge = fc.record({ range: fc.boolean(), values: fc.boolean(), bloom: fc.boolean() });
const integers = fc
  .array(
    fc.oneof(fc.bigInt({ min: -20n, max: 20n }), fc.bigInt({ min: -(1n << 63n), max: 1n << 63n })),
  )
  .map((keys) => keys.map(String));
const texts = fc.array(fc.string({ unit: 'binary', maxLength: 3 }));
const sides = fc.oneof(
  fc.record({ form: fc.constant<KeyForm>('integer'), a: integers, b: integers }),
  fc.record({ form: fc.constant<KeyForm>('text'), a: texts, b: texts }),
);

describe('domains of keys', () => {
  it('hold every key that any task had, however much each of them tells (I34)', () => {
    fc.assert(
      fc.property(sides, knowledge, knowledge, ({ form, a, b }, first, second) => {
        const union = unionDomains(domainOf(a, form, first), domainOf(b, form, second), form);
        for (const domain of [union, domainForTasks(union), withoutBloom(union)]) {
          for (const key of [...a, ...b]) expect(holds(domain, key, form)).toBe(true);
        }
      }),
    );
  });

  it('say that bounds hold a key whenever they do', () => {
    fc.assert(
      fc.property(sides, knowledge, ({ form, a, b }, knows) => {
        const domain = domainOf(a, form, knows);
        const inOrder = sortedKeys(b, form);
        const [min, max] = [inOrder[0], inOrder.at(-1)];
        if (min === undefined || max === undefined) return;
        const hasKey = a.some(
          (key) => compareKeys(form, key, min) >= 0 && compareKeys(form, key, max) <= 0,
        );
        const bounds = { min, max, mayBeNull: false };
        if (hasKey) expect(mayOverlap(domain, bounds, form)).toBe(true);
        if (!hasKey && knows.values) expect(mayOverlap(domain, bounds, form)).toBe(false);
      }),
    );
  });

  it('know nothing once a task knows nothing', () => {
    const known = domainOf(['1', '2'], 'integer', { range: true, values: true, bloom: true });
    expect(unionDomains(known, ALL_KEYS, 'integer')).toEqual(ALL_KEYS);
    expect(unionDomains(ALL_KEYS, known, 'integer')).toEqual(ALL_KEYS);
    expect(unionDomains(NO_KEYS, known, 'integer')).toEqual(known);
    expect(someKeys({})).toEqual(ALL_KEYS);
  });

  it('overlap no bounds when there are no keys', () => {
    expect(mayOverlap(NO_KEYS, { mayBeNull: true }, 'integer')).toBe(false);
    expect(mayOverlap(ALL_KEYS, { mayBeNull: true }, 'integer')).toBe(true);
  });

  it('give up values that are too many, and keep the range', () => {
    const keys = (first: number): string[] =>
      Array.from({ length: 30_000 }, (_, i) => `${first + i}`);
    const knows = { range: true, values: true, bloom: false };
    const union = unionDomains(
      domainOf(keys(0), 'integer', knows),
      domainOf(keys(30_000), 'integer', knows),
      'integer',
    );
    expect(union).toEqual({ kind: 'some', range: { min: '0', max: '59999' } });
  });
});

describe('bloom filters', () => {
  it('have sizes of powers of two, up to a limit, and none for too many keys', () => {
    expect(isBloomBits(bloomBitsFor(1))).toBe(true);
    expect(bloomBitsFor(60_000)).toBe(1 << 20);
    expect(bloomBitsFor(10_000_000)).toBe(0);
  });

  it('reject most keys that were not added', () => {
    const bloom = emptyBloom(bloomBitsFor(1_000));
    for (let key = 0; key < 1_000; key += 1) addHashes(bloom, hashOf(`in ${key}`));
    const passed = Array.from({ length: 1_000 }, (_, key) => hashOf(`out ${key}`)).filter(
      ([low = 0, high = 0]) => mayContainHash(bloom, low, high),
    );
    expect(passed.length).toBeLessThan(100);
  });
});
