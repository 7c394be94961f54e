import type {
  CollectedDomain as WireCollectedDomain,
  CollectedKey as WireCollectedKey,
  DynamicFilter as WireDynamicFilter,
  FilteredColumn as WireFilteredColumn,
  KeyBounds as WireKeyBounds,
  KeyDomain as WireKeyDomain,
} from '../../../proto/gen/skein/internal/v1/dynamic_filter.ts';
import { assertNever } from '../assert.ts';
import { isBloomBits } from '../dynamic-filter/bloom-filter.ts';
import type {
  CollectedDomain,
  CollectedKey,
  DynamicFilter,
  FilteredColumn,
} from '../dynamic-filter/dynamic-filter.ts';
import { ALL_KEYS, NO_KEYS, someKeys } from '../dynamic-filter/key-domain.ts';
import type { KeyBounds, KeyDomain } from '../dynamic-filter/key-domain.ts';
import type { FilterId } from '../ids.ts';
import { columnTypeFromWire, columnTypeToWire } from './column-type-wire.ts';
import { invalidField, required, safeInteger } from './wire-field.ts';

export function collectedKeyToWire(key: CollectedKey): WireCollectedKey {
  return { ...key, type: columnTypeToWire(key.type) };
}

export function collectedKeyFromWire(wire: WireCollectedKey, field: string): CollectedKey {
  const { column, bloomBits, collectsValues } = wire;
  if (!isBloomBits(bloomBits)) throw invalidField(`${field}.bloom_bits`, 'are no power of two');
  const type = columnTypeFromWire(required(wire.type, `${field}.type`), `${field}.type`);
  return { filterId: wire.filterId as FilterId, column, type, bloomBits, collectsValues };
}

export function filteredColumnToWire(column: FilteredColumn): WireFilteredColumn {
  return { ...column, type: columnTypeToWire(column.type) };
}

export function filteredColumnFromWire(wire: WireFilteredColumn, field: string): FilteredColumn {
  const { column, keepsNulls, isAwaited, testsRows } = wire;
  const type = columnTypeFromWire(required(wire.type, `${field}.type`), `${field}.type`);
  return { filterId: wire.filterId as FilterId, column, type, keepsNulls, isAwaited, testsRows };
}

export function collectedDomainToWire({ filterId, domain }: CollectedDomain): WireCollectedDomain {
  return { filterId, domain: keyDomainToWire(domain) };
}

export function collectedDomainFromWire(wire: WireCollectedDomain, field: string): CollectedDomain {
  const domain = keyDomainFromWire(wire.domain, `${field}.domain`);
  return { filterId: wire.filterId as FilterId, domain };
}

export function dynamicFilterToWire(filter: DynamicFilter): WireDynamicFilter {
  const { filterId, version, domain } = filter;
  return { filterId, version: BigInt(version), domain: keyDomainToWire(domain) };
}

export function dynamicFilterFromWire(wire: WireDynamicFilter, field: string): DynamicFilter {
  return {
    filterId: wire.filterId as FilterId,
    version: safeInteger(wire.version, `${field}.version`),
    domain: keyDomainFromWire(wire.domain, `${field}.domain`),
  };
}

export function keyBoundsToWire(bounds: KeyBounds): WireKeyBounds {
  const { min, max, mayBeNull } = bounds;
  return { min, max, mayBeNull };
}

export function keyBoundsFromWire({ min, max, mayBeNull }: WireKeyBounds): KeyBounds {
  return {
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    mayBeNull,
  };
}

function keyDomainToWire(domain: KeyDomain): WireKeyDomain {
  switch (domain.kind) {
    case 'all':
      return { kind: { $case: 'all', value: {} } };
    case 'none':
      return { kind: { $case: 'none', value: {} } };
    case 'some': {
      const { range, values, bloom } = domain;
      const value = {
        range,
        values: values === undefined ? undefined : { values },
        bloom: bloom === undefined ? undefined : { words: bloom.map((word) => word >>> 0) },
      };
      return { kind: { $case: 'some', value } };
    }
    default:
      return assertNever(domain);
  }
}

function keyDomainFromWire(wire: WireKeyDomain | undefined, field: string): KeyDomain {
  const kind = required(required(wire, field).kind, field);
  switch (kind.$case) {
    case 'all':
      return ALL_KEYS;
    case 'none':
      return NO_KEYS;
    case 'some': {
      const { range, values, bloom } = kind.value;
      if (
        bloom !== undefined &&
        (bloom.words.length === 0 || !isBloomBits(bloom.words.length * 32))
      )
        throw invalidField(`${field}.bloom`, 'has no power of two of bits');
      return someKeys({
        ...(range === undefined ? {} : { range: { min: range.min, max: range.max } }),
        ...(values === undefined ? {} : { values: values.values }),
        ...(bloom === undefined ? {} : { bloom: bloom.words.map((word) => word | 0) }),
      });
    }
    default:
      return assertNever(kind);
  }
}
