/**
 * What is known of the keys on one side of a join (scheduling.md §7): a superset of their values, NULLs left out. Plain
 * JSON-safe data. A domain only ever grows when it is united or simplified, so a row whose key is not in it has no match.
 */
import { compareText } from '../compare-text.ts';
import type { ColumnType } from '../plan/column-type.ts';
import { unionBlooms } from './bloom-filter.ts';

/** `integer` keys as decimal digits in DuckDB's own unit (days, ticks, unscaled decimals), `text` as it is. */
export type KeyForm = 'integer' | 'text' | 'opaque';

export interface KeyRange {
  readonly min: string;
  readonly max: string;
}

export type KeyDomain =
  /** Nothing is known: every key may be there. */
  | { readonly kind: 'all' }
  /** There is no key but NULL. */
  | { readonly kind: 'none' }
  /** Keys that pass all that is present. */
  | {
      readonly kind: 'some';
      readonly range?: KeyRange;
      /** All of them, in order, each once. */
      readonly values?: readonly string[];
      /** Words of a bloom filter over `hash()`. */
      readonly bloom?: readonly number[];
    };

export const ALL_KEYS: KeyDomain = { kind: 'all' };
export const NO_KEYS: KeyDomain = { kind: 'none' };

/** What one task may report, after partitioning in Trino: the report travels in a message with others. */
export const MAX_TASK_VALUES = 20_000;
export const MAX_TASK_VALUE_BYTES = 200 * 1024;
/** The union over all tasks; beyond, it is simplified to its range and bloom filter. */
const MAX_UNION_VALUES = 50_000;
const MAX_UNION_VALUE_BYTES = 4 * 1024 * 1024;

/** How keys of the type are written; `opaque` ones have neither range nor values, only hashes. */
export function keyFormOf(type: ColumnType): KeyForm {
  switch (type.id) {
    case 'TINYINT':
    case 'SMALLINT':
    case 'INTEGER':
    case 'BIGINT':
    case 'UTINYINT':
    case 'USMALLINT':
    case 'UINTEGER':
    case 'UBIGINT':
    case 'DATE':
    case 'TIMESTAMP':
      return 'integer';
    case 'DECIMAL':
      return type.width <= 18 ? 'integer' : 'opaque';
    case 'VARCHAR':
      return 'text';
    default:
      return 'opaque';
  }
}

export function compareKeys(form: KeyForm, a: string, b: string): number {
  if (form === 'text') return compareText(a, b);
  const [x, y] = [BigInt(a), BigInt(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** Every key of either; what only one of them knows is lost. */
export function unionDomains(a: KeyDomain, b: KeyDomain, form: KeyForm): KeyDomain {
  if (a.kind === 'none' || b.kind === 'all') return b;
  if (b.kind === 'none' || a.kind === 'all') return a;
  const values = unionValues(a.values, b.values, form);
  return someKeys({
    ...(a.range === undefined || b.range === undefined
      ? {}
      : { range: unionRanges(a.range, b.range, form) }),
    ...(values === undefined ? {} : { values }),
    ...(a.bloom === undefined || b.bloom === undefined
      ? {}
      : { bloom: unionBlooms(a.bloom, b.bloom) }),
  });
}

/** The parts as a domain; without any, nothing is known. */
export function someKeys(parts: Omit<Extract<KeyDomain, { kind: 'some' }>, 'kind'>): KeyDomain {
  const { range, values, bloom } = parts;
  const isOpen = range === undefined && values === undefined && bloom === undefined;
  return isOpen ? ALL_KEYS : { kind: 'some', ...parts };
}

/** The domain without its bloom filter, for those who see bounds and no hashes. */
export function withoutBloom(domain: KeyDomain): KeyDomain {
  if (domain.kind !== 'some' || domain.bloom === undefined) return domain;
  const { bloom: _, kind: _kind, ...parts } = domain;
  return someKeys(parts);
}

/** More values than these are tested by the bloom filter, or not at all. */
const MAX_TESTED_VALUES = 200;

/** As much of it as a task tests its rows by: values only where they are few and there is no bloom filter. */
export function domainForTasks(domain: KeyDomain): KeyDomain {
  if (domain.kind !== 'some' || domain.values === undefined) return domain;
  const isTested = domain.bloom === undefined && domain.values.length <= MAX_TESTED_VALUES;
  if (isTested) return domain;
  const { values: _, kind: _kind, ...parts } = domain;
  return someKeys(parts);
}

/** Smallest and largest key of some rows, as far as they are known. */
export interface KeyBounds {
  readonly min?: string;
  readonly max?: string;
  /** A row may have a NULL key. */
  readonly mayBeNull: boolean;
}

/** Whether a key within the bounds may be in the domain. The bloom filter is not asked. */
export function mayOverlap(domain: KeyDomain, bounds: KeyBounds, form: KeyForm): boolean {
  if (domain.kind !== 'some') return domain.kind === 'all';
  const { min, max } = bounds;
  const { range, values } = domain;
  if (range !== undefined) {
    if (max !== undefined && compareKeys(form, max, range.min) < 0) return false;
    if (min !== undefined && compareKeys(form, min, range.max) > 0) return false;
  }
  if (values === undefined || min === undefined || max === undefined) return true;
  const first = values[firstNotBelow(values, min, form)];
  return first !== undefined && compareKeys(form, first, max) <= 0;
}

function firstNotBelow(values: readonly string[], bound: string, form: KeyForm): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKeys(form, values[middle]!, bound) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function unionRanges(a: KeyRange, b: KeyRange, form: KeyForm): KeyRange {
  return {
    min: compareKeys(form, a.min, b.min) <= 0 ? a.min : b.min,
    max: compareKeys(form, a.max, b.max) >= 0 ? a.max : b.max,
  };
}

/** Merged in order; `undefined` when they are not known, or are too many. */
function unionValues(
  a: readonly string[] | undefined,
  b: readonly string[] | undefined,
  form: KeyForm,
): readonly string[] | undefined {
  if (a === undefined || b === undefined) return undefined;
  const values = sortedKeys(new Set([...a, ...b]), form);
  const bytes = values.reduce((sum, value) => sum + value.length, 0);
  return values.length > MAX_UNION_VALUES || bytes > MAX_UNION_VALUE_BYTES ? undefined : values;
}

export function sortedKeys(values: Iterable<string>, form: KeyForm): readonly string[] {
  if (form === 'text') return [...values].sort(compareText);
  return Array.from(values, BigInt)
    .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
    .map(String);
}
