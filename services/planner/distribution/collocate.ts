/** Subtrees over scans, read by parts of a key instead of in any splits. */
import { type Expression } from '../logical/expression.ts';
import { originalOf, type LogicalPlan, type Scan } from '../logical/logical-plan.ts';
import { walkPlan } from '../logical/plan-children.ts';
import { bucketedScan, bucketLayout, type BucketedScan } from './bucket-layout.ts';
import { placedBytes } from './estimate.ts';
import { type CopiedScan } from './copied-scan.ts';
import { loadOf, withCopies, type Layout } from './layout.ts';
import { decidingColumn, satisfiesGrouping, type HashKey, type KeyPair } from './partitioning.ts';
import { onlyBranch, type Branch, type Location, type Placed } from './placed.ts';
import { type DistributionOptions } from './placer.ts';
import { keyedScan, rangeLayout, type KeyedScan } from './range-layout.ts';
import { scanColumnOf, scanColumnOfExpression, type ScanColumnRef } from './scan-column.ts';

/** Tasks that have to read more than this many times what the scans hold gain nothing. */
const MAX_READ_RATIO = 2;

/** A branch whose scans can be read by parts of a key, and where its output has the columns of the key. */
interface Parted<PartScan> {
  readonly branch: Branch;
  readonly scans: readonly PartScan[];
  /** What its tasks read whole, whatever the parts. */
  readonly copies: readonly CopiedScan[];
  readonly keys: readonly HashKey[];
}

/** Both sides of a join in the same parts. */
export interface LayoutPair {
  readonly layout: Layout;
  readonly left: SideOfLayout;
  readonly right: SideOfLayout;
}

export interface SideOfLayout {
  readonly body: LogicalPlan;
  /** The layout's key among its columns. */
  readonly keys: readonly HashKey[];
}

/** All ways to have equal keys of both sides in the same task without moving either. */
export function layoutPairs(
  sides: { readonly left: Placed; readonly right: Placed },
  pairs: readonly KeyPair[],
  options: DistributionOptions,
): readonly LayoutPair[] {
  const found: (LayoutPair | undefined)[] = pairs.map((pair) => {
    const left = byRange(sides.left, pair.left, options);
    const right = byRange(sides.right, pair.right, options);
    if (left === undefined || right === undefined) return undefined;
    const layout = rangeLayout([...left.scans, ...right.scans], options.taskCount);
    return pairedIn(layout, left, right);
  });
  const left = byBuckets(sides.left, options);
  const right = byBuckets(sides.right, options);
  if (left !== undefined && right !== undefined && areJoinedBy(left.keys, right.keys, pairs)) {
    const layout = bucketLayout([...left.scans, ...right.scans], options.taskCount);
    found.push(pairedIn(layout, left, right));
  }
  return found.filter((pair) => pair !== undefined);
}

function pairedIn(
  layout: Layout | undefined,
  left: Parted<unknown>,
  right: Parted<unknown>,
): LayoutPair | undefined {
  if (layout === undefined || loadOf(layout).readRatio > MAX_READ_RATIO) return undefined;
  const copies = [...left.copies, ...right.copies];
  return { layout: withCopies(layout, copies), left: sideOf(left), right: sideOf(right) };
}

function sideOf({ branch, keys }: Parted<unknown>): SideOfLayout {
  return { body: branch.body, keys };
}

/** Each key column of the buckets is compared with that of the other side. */
function areJoinedBy(
  left: readonly HashKey[],
  right: readonly HashKey[],
  pairs: readonly KeyPair[],
): boolean {
  const isIn = (key: HashKey | undefined, expression: Expression): boolean => {
    const column = decidingColumn(expression);
    return column !== undefined && key?.columns.includes(column) === true;
  };
  return left.every((key, index) =>
    pairs.some((pair) => isIn(key, pair.left) && isIn(right[index], pair.right)),
  );
}

export interface LayoutChoice {
  readonly branch: Branch;
  /** In the measure of `cost.ts`. */
  readonly cost: number;
}

/**
 * The branch in tasks that have all rows of equal `groups` (over its columns), in the way that costs least; undefined
 * when its files do not lie apart by any of them.
 */
export function togetherByLayout(
  placed: Placed,
  groups: readonly Expression[],
  options: DistributionOptions,
): LayoutChoice | undefined {
  const candidates: { readonly parted: Parted<unknown>; readonly layout: Layout | undefined }[] =
    groups.flatMap((group) => {
      const parted = byRange(placed, group, options);
      if (parted === undefined) return [];
      return [{ parted, layout: rangeLayout(parted.scans, options.taskCount) }];
    });
  const buckets = byBuckets(placed, options);
  if (buckets !== undefined && satisfiesGrouping(buckets.keys, groups)) {
    const layout = bucketLayout(buckets.scans, options.taskCount);
    candidates.push({ parted: buckets, layout });
  }
  let best: LayoutChoice | undefined;
  for (const { parted, layout } of candidates) {
    if (layout === undefined || loadOf(layout).readRatio > MAX_READ_RATIO) continue;
    const cost = layoutCost(layout, placedBytes(placed), options);
    if (best !== undefined && best.cost <= cost) continue;
    const location: Location = {
      kind: 'layout',
      layout: withCopies(layout, parted.copies),
      keys: parted.keys,
    };
    best = { branch: { ...parted.branch, location }, cost };
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

/** The subtree by ranges of a key over its columns; undefined when the key is no column of its scans. */
function byRange(
  placed: Placed,
  key: Expression,
  { statistics }: DistributionOptions,
): Parted<KeyedScan> | undefined {
  const branch = onlyBranch(placed);
  if (branch?.location.kind === 'layout' && branch.location.layout.kind === 'range') {
    const { layout, keys } = branch.location;
    const column = decidingColumn(key);
    const isKey = column !== undefined && keys.some(({ columns }) => columns.includes(column));
    return isKey ? { branch, scans: layout.scans, copies: layout.copies ?? [], keys } : undefined;
  }
  const loose = looseScan(branch);
  if (branch === undefined || loose === undefined) return undefined;
  const source = scanColumnOfExpression(branch.body, key);
  if (source?.scan.scanId !== loose.scan.scanId) return undefined;
  const scan = keyedScan(loose.scan, source.column, statistics.get(originalOf(loose.scan)));
  if (scan === undefined) return undefined;
  const columns = columnsFrom(branch.body, source);
  return { branch, scans: [scan], copies: loose.copies, keys: [{ type: scan.type, columns }] };
}

/** The subtree by the buckets of its scans; undefined when they have none. */
function byBuckets(
  placed: Placed,
  { statistics }: DistributionOptions,
): Parted<BucketedScan> | undefined {
  const branch = onlyBranch(placed);
  if (branch?.location.kind === 'layout' && branch.location.layout.kind === 'buckets') {
    const { layout, keys } = branch.location;
    return { branch, scans: layout.scans, copies: layout.copies ?? [], keys };
  }
  const loose = looseScan(branch);
  if (branch === undefined || loose === undefined) return undefined;
  const scan = bucketedScan(loose.scan, statistics.get(originalOf(loose.scan)));
  if (scan === undefined) return undefined;
  const keys = scan.columns.map((column, index): HashKey => ({
    type: scan.hashTypes[index] ?? { id: 'NULL' },
    columns: columnsFrom(branch.body, { scan: loose.scan, column }),
  }));
  return { branch, scans: [scan], copies: loose.copies, keys };
}

interface LooseScan {
  readonly scan: Scan;
  /** The other scans of its tasks. */
  readonly copies: readonly CopiedScan[];
}

/** The scan whose rows may be dealt to the branch's tasks in any way. */
function looseScan(branch: Branch | undefined): LooseScan | undefined {
  if (branch === undefined) return undefined;
  const { body, location } = branch;
  const scans = [...walkPlan(body)].filter((node) => node.kind === 'scan');
  if (location.kind === 'source') {
    const [scan] = scans;
    return scans.length === 1 && scan !== undefined ? { scan, copies: [] } : undefined;
  }
  if (location.kind !== 'layout' || location.layout.kind !== 'shares') return undefined;
  const [shared] = location.layout.scans;
  const scan = scans.find(({ scanId }) => scanId === shared.scanId);
  return scan && { scan, copies: location.layout.copies ?? [] };
}

/** The output's columns that are this column of the body's scan. */
function columnsFrom(body: LogicalPlan, { scan, column }: ScanColumnRef): readonly number[] {
  return [...body.columns.keys()].filter((position) => {
    const source = scanColumnOf(body, position);
    return source?.scan.scanId === scan.scanId && source.column === column;
  });
}
