/**
 * Which task gets the next split (T27, P8): the one with the least queued, on any node with room, up to the limits of
 * §6.2. Splits are dealt in order; those that find no room wait in order.
 */
import { assert } from '../../../common/assert.ts';
import type { FileSplit } from '../../../common/plan/split.ts';
import type { SplitQueueLimits } from '../scheduler-options.ts';

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

export interface PlacementInput {
  readonly splits: readonly FileSplit[];
  readonly lanes: readonly Lane[];
  /** Queued weight of the whole query, by node. */
  readonly nodeWeights: readonly number[];
  readonly limits: SplitQueueLimits;
  /**
   * False for tasks that begin only when they have all of their splits: their queues cannot drain before, so only the
   * unacknowledged cap holds.
   */
  readonly isLimited: boolean;
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
}

const STANDARD_WEIGHT = 100;
const MIN_WEIGHT = 5;

/** Hundredths of a standard split; a small one still costs its overhead. */
export function splitWeight(split: FileSplit, standardSplitBytes: number): number {
  return Math.max(MIN_WEIGHT, Math.round((STANDARD_WEIGHT * split.bytes) / standardSplitBytes));
}

/** Deals splits to lanes; changes the lanes' loads as it goes. */
export function placeSplits(input: PlacementInput): SplitPlacement {
  const nodeWeights = [...input.nodeWeights];
  const placed: Placement[] = [];
  for (const split of input.splits) {
    const index = chooseLane(input, nodeWeights);
    const lane = input.lanes[index];
    if (lane === undefined) break;
    const weight = splitWeight(split, input.standardSplitBytes);
    lane.queuedWeight += weight;
    lane.unacknowledgedSplits += 1;
    lane.unfinishedSplits += 1;
    nodeWeights[lane.node] = weightOf(nodeWeights, lane) + weight;
    placed.push({ split, weight, lane: index });
  }
  return { placed, waiting: input.splits.slice(placed.length) };
}

/** First a node with room for the query, then a task whose own queue is short; -1 = none. */
function chooseLane(input: PlacementInput, nodeWeights: readonly number[]): number {
  const { limits, lanes, isLimited } = input;
  let onFreeNode = -1;
  let shortQueue = -1;
  lanes.forEach((lane, index) => {
    if (lane.unacknowledgedSplits >= limits.maxUnacknowledgedSplits) return;
    const isFree = !isLimited || weightOf(nodeWeights, lane) < limits.maxNodeWeight;
    const isShort = lane.queuedWeight < lane.queueLimit;
    if (isFree && isLighter(lanes, nodeWeights, { index, than: onFreeNode })) onFreeNode = index;
    if (isShort && isLighter(lanes, nodeWeights, { index, than: shortQueue })) shortQueue = index;
  });
  return onFreeNode === -1 ? shortQueue : onFreeNode;
}

function isLighter(
  lanes: readonly Lane[],
  nodeWeights: readonly number[],
  pair: { readonly index: number; readonly than: number },
): boolean {
  const best = lanes[pair.than];
  const lane = lanes[pair.index];
  if (best === undefined || lane === undefined) return lane !== undefined;
  if (lane.queuedWeight !== best.queuedWeight) return lane.queuedWeight < best.queuedWeight;
  const weight = weightOf(nodeWeights, lane);
  const bestWeight = weightOf(nodeWeights, best);
  if (weight !== bestWeight) return weight < bestWeight;
  return lane.unfinishedSplits < best.unfinishedSplits;
}

function weightOf(nodeWeights: readonly number[], lane: Lane): number {
  const weight = nodeWeights[lane.node];
  assert(weight !== undefined, 'every lane lies on a known node');
  return weight;
}
