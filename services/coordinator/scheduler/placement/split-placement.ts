/**
 * Which task gets the next split (T27, P8): the one with the least queued, on any node with room, up to the limits of
 * §6.2. Splits are dealt in order; those that find no room wait in order. A split goes where its file was read before as
 * long as nobody else is much less loaded.
 */
import { assert } from '../../../common/assert.ts';
import { STANDARD_SPLIT_WEIGHT } from '../../../common/plan/split.ts';
import type { FileSplit } from '../../../common/plan/split.ts';
import type { SplitQueueLimits } from '../scheduler-options.ts';
import type { PreferredNodes } from './split-affinity.ts';

/** Where a split may go: a task, or a lane of a node that has no task of this stage yet. */
export interface Lane {
  /** Position of its node in the list of nodes' weights. */
  readonly node: number;
  /** Index of the task in its stage; `new` = the task would have to be created. */
  readonly task: number | 'new';
  queuedWeight: number;
  unacknowledgedSplits: number;
  /** Splits given and not yet done: among tasks with equal queues, the one that works less. */
  unfinishedSplits: number;
  readonly queueLimit: number;
}

/** How full everything is, as a round of placement goes. */
export interface Loads {
  readonly lanes: readonly Lane[];
  /** Queued weight of the whole query, by node. */
  readonly nodeWeights: readonly number[];
  readonly limits: SplitQueueLimits;
  /**
   * False for tasks that begin only when they have all of their splits: their queues cannot drain before, so only the
   * unacknowledged cap holds.
   */
  readonly isLimited: boolean;
}

export interface PlacementInput extends Loads {
  readonly splits: readonly FileSplit[];
  readonly prefers: PreferredNodes;
  readonly standardSplitBytes: number;
}

export interface Placement {
  readonly split: FileSplit;
  readonly weight: number;
  /** Position in `lanes`. */
  readonly lane: number;
}

export interface SplitPlacement {
  readonly placed: readonly Placement[];
  readonly waiting: readonly FileSplit[];
  /** Of `waiting`: those that found room only farther away than they may go now. */
  readonly heldCount: number;
}

const MIN_WEIGHT = 5;
/** A preferred lane may be ahead of the least loaded one by so much: a short wait is dearer than a file read anew. */
const AFFINITY_WEIGHT = STANDARD_SPLIT_WEIGHT;
const AFFINITY_SPLITS = 4;

/** Hundredths of a standard split; a small one still costs its overhead. */
export function splitWeight(split: FileSplit, standardSplitBytes: number): number {
  return Math.max(
    MIN_WEIGHT,
    Math.round((STANDARD_SPLIT_WEIGHT * split.bytes) / standardSplitBytes),
  );
}

/** Deals splits to lanes; changes the lanes' loads as it goes. */
export function placeSplits(input: PlacementInput): SplitPlacement {
  const loads = { ...input, nodeWeights: [...input.nodeWeights] };
  const everywhere = input.lanes.map((_, index) => index);
  const placed: Placement[] = [];
  for (const split of input.splits) {
    const least = chooseLane(loads, everywhere);
    if (least === -1) break;
    const lane = preferredLane(loads, input.prefers(split), least) ?? least;
    const weight = splitWeight(split, input.standardSplitBytes);
    addLoad(loads, lane, weight);
    placed.push({ split, weight, lane });
  }
  return { placed, waiting: input.splits.slice(placed.length), heldCount: 0 };
}

/**
 * Of these lanes the least loaded one with room; first on a node with room for the query, then with a short queue of its
 * own; -1 = none. `share`: how much of the limits counts.
 */
export function chooseLane(loads: Loads, among: readonly number[], share = 1): number {
  const { limits, lanes, isLimited } = loads;
  let onFreeNode = -1;
  let shortQueue = -1;
  for (const index of among) {
    const lane = lanes[index];
    if (lane === undefined || lane.unacknowledgedSplits >= limits.maxUnacknowledgedSplits) continue;
    const nodeLimit = Math.ceil(limits.maxNodeWeight * share);
    const isFree = !isLimited || weightOf(loads, lane) < nodeLimit;
    const isShort = lane.queuedWeight < Math.ceil(lane.queueLimit * share);
    if (isFree && isLighter(loads, index, onFreeNode)) onFreeNode = index;
    if (isShort && isLighter(loads, index, shortQueue)) shortQueue = index;
  }
  return onFreeNode === -1 ? shortQueue : onFreeNode;
}

export function addLoad(
  loads: Loads & { readonly nodeWeights: number[] },
  index: number,
  weight: number,
): void {
  const lane = loads.lanes[index];
  assert(lane !== undefined, 'a split goes to a lane');
  loads.nodeWeights[lane.node] = weightOf(loads, lane) + weight;
  lane.queuedWeight += weight;
  lane.unacknowledgedSplits += 1;
  lane.unfinishedSplits += 1;
}

/** A lane of the first preferred node that is hardly more loaded than the least loaded one of all. */
function preferredLane(
  loads: Loads,
  preferred: readonly number[],
  least: number,
): number | undefined {
  const { lanes } = loads;
  for (const node of preferred) {
    const near = lanes.flatMap((lane, index) => (lane.node === node ? [index] : []));
    const index = chooseLane(loads, near);
    if (index !== -1 && isHardlyMoreLoaded(lanes[index], lanes[least])) return index;
  }
  return undefined;
}

function isHardlyMoreLoaded(lane: Lane | undefined, least: Lane | undefined): boolean {
  if (lane === undefined || least === undefined) return false;
  return (
    lane.queuedWeight <= least.queuedWeight + AFFINITY_WEIGHT &&
    lane.unfinishedSplits <= least.unfinishedSplits + AFFINITY_SPLITS
  );
}

function isLighter(loads: Loads, index: number, than: number): boolean {
  const best = loads.lanes[than];
  const lane = loads.lanes[index];
  if (best === undefined || lane === undefined) return lane !== undefined;
  if (lane.queuedWeight !== best.queuedWeight) return lane.queuedWeight < best.queuedWeight;
  const weight = weightOf(loads, lane);
  const bestWeight = weightOf(loads, best);
  if (weight !== bestWeight) return weight < bestWeight;
  return lane.unfinishedSplits < best.unfinishedSplits;
}

function weightOf({ nodeWeights }: Loads, lane: Lane): number {
  const weight = nodeWeights[lane.node];
  assert(weight !== undefined, 'every lane lies on a known node');
  return weight;
}
