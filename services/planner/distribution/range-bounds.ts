/**
 * Ranges of a key that share out the work of tables whose row groups are clustered on it. Partition i holds the keys
 * in [bounds[i-1], bounds[i]), the first one all keys below its bound and NULL, the last one all from its bound on.
 */
import { compareValues } from '../logical/datum-order.ts';
import { type Datum } from '../logical/datum.ts';
import { type ColumnBounds } from './scan-statistics.ts';

/** A row group as the choice of ranges sees it. */
export interface KeyedRowGroup extends ColumnBounds {
  readonly load: number;
}

/** The partition of NULL keys. */
const NULL_PARTITION = 0;

/** Bounds of at most `partitionCount` partitions, ascending: least keys of row groups, so that few are cut in two. */
export function chooseBounds(
  rowGroups: readonly KeyedRowGroup[],
  partitionCount: number,
): readonly Datum[] {
  const known = rowGroups.flatMap(({ min, load }) => (min === undefined ? [] : [{ min, load }]));
  const ordered = known.toSorted((a, b) => compareValues(a.min, b.min) ?? 0);
  const share = ordered.reduce((sum, { load }) => sum + load, 0) / partitionCount;
  const bounds: Datum[] = [];
  let least = ordered[0]?.min;
  let before = 0;
  for (const { min, load } of ordered) {
    const isNew = least !== undefined && (compareValues(least, min) ?? 0) < 0;
    if (isNew && before + load / 2 >= share * (bounds.length + 1)) {
      bounds.push(min);
      least = min;
    }
    before += load;
    if (bounds.length === partitionCount - 1) break;
  }
  return bounds;
}

/** The partitions that may have rows of the row group, ascending. */
export function partitionsOf(rowGroup: ColumnBounds, bounds: readonly Datum[]): readonly number[] {
  const partitions: number[] = [];
  for (let partition = 0; partition <= bounds.length; partition += 1) {
    const hasNulls = rowGroup.nulls !== 'none' && partition === NULL_PARTITION;
    if (hasNulls || mayHaveKeys(rowGroup, bounds, partition)) partitions.push(partition);
  }
  return partitions;
}

function mayHaveKeys(
  { min, max, nulls }: ColumnBounds,
  bounds: readonly Datum[],
  partition: number,
): boolean {
  if (nulls === 'all') return false;
  const from = bounds[partition - 1];
  const to = bounds[partition];
  const maxToFrom = orderOf(max, from);
  const minToTo = orderOf(min, to);
  const endsBefore = maxToFrom !== undefined && maxToFrom < 0;
  const beginsBehind = minToTo !== undefined && minToTo >= 0;
  return !endsBefore && !beginsBehind;
}

/** Undefined when one of them is not known. */
function orderOf(a: Datum | undefined, b: Datum | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : compareValues(a, b);
}
