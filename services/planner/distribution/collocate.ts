/** Subtrees over scans, read by parts of a key instead of in any splits. */
import { type Expression } from '../logical/expression.ts';
import { originalOf } from '../logical/logical-plan.ts';
import { placedBytes } from './estimate.ts';
import { keyedScan, loadOf, rangeLayout, type KeyedScan, type Layout } from './layout.ts';
import { decidingColumn, type HashKey } from './partitioning.ts';
import { onlyBranch, type Branch, type Placed } from './placed.ts';
import { type DistributionOptions } from './placer.ts';
import { scanColumnOf, scanColumnOfExpression } from './scan-column.ts';

/** A branch whose scans all have the key, as far as its location lets them be cut by it. */
export interface KeyedBranch {
  readonly branch: Branch;
  readonly scans: readonly KeyedScan[];
  /** Where its output has the key. */
  readonly keys: readonly HashKey[];
}

/** The subtree by a key over its columns; undefined when that key is no column of its scans. */
export function keyedBranch(
  placed: Placed,
  key: Expression,
  { statistics }: DistributionOptions,
): KeyedBranch | undefined {
  const branch = onlyBranch(placed);
  if (branch?.location.kind === 'layout') {
    const { layout, keys } = branch.location;
    const column = decidingColumn(key);
    const isKey = column !== undefined && keys.some(({ columns }) => columns.includes(column));
    return isKey ? { branch, scans: layout.scans, keys } : undefined;
  }
  if (branch?.location.kind !== 'source') return undefined;
  const source = scanColumnOfExpression(branch.body, key);
  if (source === undefined) return undefined;
  const scan = keyedScan(source.scan, source.column, statistics.get(originalOf(source.scan)));
  if (scan === undefined) return undefined;
  const columns = [...branch.body.columns.keys()].filter(
    (column) => scanColumnOf(branch.body, column)?.column === source.column,
  );
  return { branch, scans: [scan], keys: [{ type: scan.type, columns }] };
}

export interface LayoutChoice {
  readonly branch: Branch;
  /** In the measure of `cost.ts`. */
  readonly cost: number;
}

/**
 * The branch in tasks that have all rows of equal `keys` (over its columns), by the one of them for which that costs
 * least; undefined when its files do not lie apart by any.
 */
export function togetherByLayout(
  placed: Placed,
  keys: readonly Expression[],
  options: DistributionOptions,
): LayoutChoice | undefined {
  const bytes = placedBytes(placed);
  let best: LayoutChoice | undefined;
  for (const key of keys) {
    const keyed = keyedBranch(placed, key, options);
    const layout = keyed && rangeLayout(keyed.scans, options.taskCount);
    if (keyed === undefined || layout === undefined) continue;
    const cost = layoutCost(layout, bytes, options);
    if (best !== undefined && best.cost <= cost) continue;
    const location = { kind: 'layout', layout, keys: keyed.keys } as const;
    best = { branch: { ...keyed.branch, location }, cost };
  }
  return best;
}

/** Of work on so many bytes by the layout's tasks; what they read more than tasks of equal shares would is work too. */
export function layoutCost(
  layout: Layout,
  bytes: number,
  { taskCount }: DistributionOptions,
): number {
  const { busiestShare, totalBytes } = loadOf(layout);
  return bytes * busiestShare + totalBytes * (busiestShare - 1 / taskCount);
}
