/** The places where a join may run without changing its answer, and what each costs. */
import { sameColumnType } from '../../common/plan/column-type.ts';
import { isVolatile } from '../logical/expression-tree.ts';
import { walkPlan } from '../logical/plan-children.ts';
import {
  type AnyJoin,
  type CrossProduct,
  type Join,
  type JoinCondition,
  type JoinType,
} from '../logical/logical-plan.ts';
import { layoutCost, layoutPairs, type LayoutPair } from './collocate.ts';
import { copyCandidates, type CopiedJoin } from './copy-candidates.ts';
import { moveCost, RECEIVE_COST, SEND_COST, stageCost } from './cost.ts';
import { placedBytes } from './estimate.ts';
import { matchJoinKeys, type HashKey, type KeyPair } from './partitioning.ts';
import { isLocal, onlyBranch, type Placed } from './placed.ts';
import { type DistributionOptions } from './placer.ts';

export type AnyKindOfJoin = Join | AnyJoin | CrossProduct;

export interface JoinSides {
  readonly left: Placed;
  readonly right: Placed;
}

export type JoinPlacement =
  /** In one task. */
  | { readonly kind: 'together' }
  /** Every task that has rows of the other side gets all rows of the named one. */
  | { readonly kind: 'broadcast-right' }
  | { readonly kind: 'broadcast-left' }
  | PartitionedJoin
  | LayoutJoin
  | CopiedJoin;

/** Rows with equal keys of both sides in the same task; a side that is there already does not move. */
export interface PartitionedJoin {
  readonly kind: 'partitioned';
  readonly pairs: readonly KeyPair[];
  readonly movesLeft: boolean;
  readonly movesRight: boolean;
}

/** Rows with equal keys of both sides in the same part of their files. */
export interface LayoutJoin extends LayoutPair {
  readonly kind: 'layout';
}

/** `cost`: in the measure of `cost.ts`. */
export interface JoinCandidate {
  readonly placement: JoinPlacement;
  readonly cost: number;
}

/** Joins whose result has each row of the left side at most once, or once for each match: the right side may be copied. */
const RIGHT_MAY_BE_COPIED: ReadonlySet<JoinType> = new Set([
  'inner',
  'left',
  'semi',
  'anti',
  'mark',
  'single',
]);
const LEFT_MAY_BE_COPIED: ReadonlySet<JoinType> = new Set([
  'inner',
  'right',
  'right-semi',
  'right-anti',
]);

/** Never empty. Ties go to the earlier one. */
export function joinCandidates(
  plan: AnyKindOfJoin,
  sides: JoinSides,
  options: DistributionOptions,
): readonly [JoinCandidate, ...JoinCandidate[]] {
  const sizes = sizesOf(sides, options);
  const together = { placement: { kind: 'together' }, cost: togetherCost(sizes) } as const;
  if (sizes.left.isLocal && sizes.right.isLocal) return [together];
  const partitioned = partitionedCandidates(plan, sides, sizes);
  const mayBeCopied = sidesToCopy(plan);
  const everywhere = [
    ...broadcastCandidates(mayBeCopied, sizes),
    ...copyCandidates(sides, mayBeCopied, options),
  ].filter(
    ({ copiedBytes }) => partitioned.length === 0 || copiedBytes <= options.broadcastThresholdBytes,
  );
  return [together, ...everywhere, ...partitioned, ...layoutCandidates(plan, sides, options)];
}

/** The nearest of some right rows is not the nearest of all. */
function sidesToCopy(plan: AnyKindOfJoin): readonly ('left' | 'right')[] {
  const joinType = joinTypeOf(plan);
  const needsAllOfRight = plan.kind === 'join' && plan.isAsof === true;
  return [
    ...(RIGHT_MAY_BE_COPIED.has(joinType) ? (['right'] as const) : []),
    ...(LEFT_MAY_BE_COPIED.has(joinType) && !needsAllOfRight ? (['left'] as const) : []),
  ];
}

/** One for each way in which the files of both sides lie apart by keys that are joined. */
function layoutCandidates(
  plan: AnyKindOfJoin,
  sides: JoinSides,
  options: DistributionOptions,
): readonly JoinCandidate[] {
  const bytes = placedBytes(sides.left) + placedBytes(sides.right);
  return layoutPairs(sides, hashablePairs(plan), options).map((pair) => ({
    placement: { kind: 'layout', ...pair },
    cost: layoutCost(pair.layout, bytes, options),
  }));
}

interface SideSize {
  readonly bytes: number;
  readonly isLocal: boolean;
  /** Constants, which cost nothing to copy. */
  readonly isConstant: boolean;
  /** Of sending its rows to another stage, whatever their number. */
  readonly leaveCost: number;
}

interface Sizes {
  readonly left: SideSize;
  readonly right: SideSize;
  readonly taskCount: number;
}

function sizesOf(sides: JoinSides, options: DistributionOptions): Sizes {
  const { taskCount } = options;
  return { left: sizeOf(sides.left, options), right: sizeOf(sides.right, options), taskCount };
}

function sizeOf(placed: Placed, options: DistributionOptions): SideSize {
  const bytes = placedBytes(placed);
  // A CTE that is shared within a stage would have to be sent to all who read it.
  const sharedCost = readsWithinStage(placed) ? moveCost(bytes, options) : 0;
  return {
    bytes,
    isLocal: isLocal(placed),
    isConstant: onlyBranch(placed)?.location.kind === 'anywhere',
    leaveCost: stageCost(options) + sharedCost,
  };
}

function readsWithinStage({ branches }: Placed): boolean {
  return branches.some(({ body }) => [...walkPlan(body)].some(({ kind }) => kind === 'cte-ref'));
}

function togetherCost({ left, right }: Sizes): number {
  const received = (left.isLocal ? 0 : left.bytes) + (right.isLocal ? 0 : right.bytes);
  const leaving = left.leaveCost + right.leaveCost;
  return leaving + RECEIVE_COST * received + left.bytes + right.bytes;
}

interface BroadcastCandidate extends JoinCandidate {
  readonly copiedBytes: number;
}

/** A side in one task stays whole where it is: copying the other to it is the join in one task. */
function broadcastCandidates(
  mayBeCopied: readonly ('left' | 'right')[],
  sizes: Sizes,
): readonly BroadcastCandidate[] {
  return mayBeCopied.flatMap((side) => {
    const copied = sizes[side];
    const staying = sizes[side === 'left' ? 'right' : 'left'];
    if (staying.isLocal) return [];
    const kind = `broadcast-${side}` as const;
    const cost = broadcastCost(copied, staying, sizes.taskCount);
    return [{ placement: { kind }, cost, copiedBytes: copied.bytes }];
  });
}

/** Every task receives and joins all of the copied side, and joins its share of the other. */
function broadcastCost(copied: SideSize, staying: SideSize, taskCount: number): number {
  const received = copied.isConstant ? 0 : copied.bytes;
  const stage = copied.isConstant ? 0 : copied.leaveCost;
  return stage + RECEIVE_COST * received + copied.bytes + staying.bytes / taskCount;
}

function partitionedCandidates(
  plan: AnyKindOfJoin,
  sides: JoinSides,
  sizes: Sizes,
): readonly JoinCandidate[] {
  const pairs = hashablePairs(plan);
  if (pairs.length === 0) return [];
  const leftKeys = deliveredBy(sides.left);
  const rightKeys = deliveredBy(sides.right);
  const asLeft = matchJoinKeys(leftKeys, pairs, 'left');
  const asRight = matchJoinKeys(rightKeys, pairs, 'right');
  const placements: PartitionedJoin[] = [];
  if (asLeft !== undefined) {
    const movesRight = !areDealtBy(asLeft, rightKeys, 'right');
    placements.push({ kind: 'partitioned', pairs: asLeft, movesLeft: false, movesRight });
  }
  if (asRight !== undefined) {
    const movesLeft = !areDealtBy(asRight, leftKeys, 'left');
    placements.push({ kind: 'partitioned', pairs: asRight, movesLeft, movesRight: false });
  }
  if (placements.length === 0) {
    placements.push({ kind: 'partitioned', pairs, movesLeft: true, movesRight: true });
  }
  return placements.map((placement) => ({ placement, cost: partitionedCost(placement, sizes) }));
}

function deliveredBy(side: Placed): readonly HashKey[] {
  const location = onlyBranch(side)?.location;
  return location?.kind === 'hash' ? location.keys : [];
}

/** Whether a side's delivered keys are exactly these pairs, in this order. */
function areDealtBy(
  pairs: readonly KeyPair[],
  keys: readonly HashKey[],
  side: 'left' | 'right',
): boolean {
  if (keys.length !== pairs.length) return false;
  return keys.every(
    (key, index) => matchJoinKeys([key], pairs.slice(index, index + 1), side) !== undefined,
  );
}

function partitionedCost({ movesLeft, movesRight }: PartitionedJoin, sizes: Sizes): number {
  const { left, right, taskCount } = sizes;
  const moved = (movesLeft ? left.bytes : 0) + (movesRight ? right.bytes : 0);
  const stages = (movesLeft ? left.leaveCost : 0) + (movesRight ? right.leaveCost : 0);
  return stages + ((SEND_COST + RECEIVE_COST) * moved + left.bytes + right.bytes) / taskCount;
}

/**
 * The conditions that only rows with the same hash can meet. A mark join's answer also depends on NULLs anywhere
 * on its right side; only keys that take NULLs for equal keep the rows that matter together.
 */
function hashablePairs(plan: AnyKindOfJoin): readonly KeyPair[] {
  if (plan.kind !== 'join') return [];
  const isMark = plan.joinType === 'mark';
  return plan.conditions.filter(
    (condition) => isHashable(condition) && (!isMark || condition.operator !== '='),
  );
}

function isHashable({ operator, left, right }: JoinCondition): boolean {
  return (
    (operator === '=' || operator === 'IS NOT DISTINCT FROM') &&
    sameColumnType(left.type, right.type) &&
    !isVolatile(left) &&
    !isVolatile(right)
  );
}

export function joinTypeOf(plan: AnyKindOfJoin): JoinType {
  return plan.kind === 'cross-product' ? 'inner' : plan.joinType;
}
