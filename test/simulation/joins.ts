/**
 * Joins of the simulated engine: a fragment whose scan has a filtered column keeps the rows whose key is among the
 * keys of all that is broadcast to it. So a dynamic filter may leave out rows early, and only rows without a match.
 */
import type {
  CollectedDomain,
  DynamicFilter,
} from '../../services/common/dynamic-filter/dynamic-filter.ts';
import {
  compareKeys,
  mayOverlap,
  NO_KEYS,
  someKeys,
  sortedKeys,
} from '../../services/common/dynamic-filter/key-domain.ts';
import type { KeyDomain } from '../../services/common/dynamic-filter/key-domain.ts';
import type { PlanFragment } from '../../services/common/plan/plan-fragment.ts';
import type { FileSplit } from '../../services/common/plan/split.ts';
import { rowsOfSplit } from './rows.ts';
import type { Row } from './rows.ts';

const KEY_COUNT = 23;

export function keyOf(row: Row): string {
  return String(row % KEY_COUNT);
}

export function isJoined(fragment: PlanFragment): boolean {
  return fragment.scans.some(({ filteredColumns = [] }) => filteredColumns.length > 0);
}

/** The scanned rows that find a match. */
export function joinRows(rows: readonly Row[], broadcast: readonly Row[]): readonly Row[] {
  const keys = new Set(broadcast.map(keyOf));
  return rows.filter((row) => keys.has(keyOf(row)));
}

/** What the tasks of a fragment report of their rows. */
export function collectDomains(
  { collectedKeys = [] }: PlanFragment,
  keys: ReadonlySet<string>,
): readonly CollectedDomain[] {
  return collectedKeys.map(({ filterId }) => ({ filterId, domain: domainOf(keys) }));
}

function domainOf(keys: ReadonlySet<string>): KeyDomain {
  const values = sortedKeys(keys, 'integer');
  const [min, max] = [values[0], values.at(-1)];
  return min === undefined || max === undefined
    ? NO_KEYS
    : someKeys({ range: { min, max }, values });
}

/** A task tests rows one by one. */
export function filterRows(
  rows: readonly Row[],
  fragment: PlanFragment,
  filters: readonly DynamicFilter[],
): readonly Row[] {
  const columns = fragment.scans.flatMap(({ filteredColumns = [] }) => filteredColumns);
  const domains = filters
    .filter(({ filterId }) => columns.some((column) => column.filterId === filterId))
    .map(({ domain }) => domain);
  return rows.filter((row) => domains.every((domain) => holds(domain, keyOf(row))));
}

/** A split source sees the bounds of a split's keys. */
export function mayHoldMatches(
  sourceId: number,
  split: FileSplit,
  domains: readonly KeyDomain[],
): boolean {
  const keys = rowsOfSplit(sourceId, split)
    .map(keyOf)
    .sort((a, b) => compareKeys('integer', a, b));
  const [min, max] = [keys[0], keys.at(-1)];
  if (min === undefined || max === undefined) return true;
  const bounds = { min, max, mayBeNull: false };
  return domains.every((domain) => mayOverlap(domain, bounds, 'integer'));
}

function holds(domain: KeyDomain, key: string): boolean {
  return mayOverlap(domain, { min: key, max: key, mayBeNull: false }, 'integer');
}
