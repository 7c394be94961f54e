/**
 * Splits as near to their data as there is room (S14, §6.2 topology policy): first the preferred node, then nodes that share
 * more of its location, then any. Half of every queue is for all, the rest is for splits that have it near, the nearer the
 * more; so a node always has room left for what is its own.
 */
import type { FileSplit } from '../../../common/plan/split.ts';
import type { PreferredNodes } from './split-affinity.ts';
import { addLoad, chooseLane, splitWeight } from './split-placement.ts';
import type { Loads, Placement, PlacementInput, SplitPlacement } from './split-placement.ts';

/** Where a node is: from the widest segment (a region, a rack) to the narrowest. */
export type Location = readonly string[];

export interface TopologyInput extends PlacementInput {
  /** By position of the node. */
  readonly locations: readonly Location[];
}

/** What is known of all splits that prefer the same nodes. */
interface Nearness {
  /** Lanes by depth, the deepest first. */
  readonly levels: readonly { readonly depth: number; readonly lanes: readonly number[] }[];
  /** Depths without room for the rest of the round. */
  readonly full: Set<number>;
}

/**
 * The depths at which there are lanes for these splits, deepest first; splits without a preference have none. A lane on a
 * preferred node is one segment deeper than any location.
 */
export function depthsOf(input: TopologyInput): readonly number[] {
  const depths = new Set<number>();
  const nearness = nearnessOf(input);
  for (const split of input.splits)
    for (const { depth } of nearness(split)?.levels ?? []) depths.add(depth);
  return [...depths].sort((a, b) => b - a);
}

/** Deals splits to lanes at `minDepth` or deeper; changes the lanes' loads as it goes. */
export function placeByTopology(input: TopologyInput, minDepth: number): SplitPlacement {
  const loads = { ...input, nodeWeights: [...input.nodeWeights] };
  const nearness = nearnessOf(input);
  const everywhere = input.lanes.map((_, index) => index);
  const placed: Placement[] = [];
  const waiting: FileSplit[] = [];
  let heldCount = 0;
  for (const split of input.splits) {
    const near = nearness(split);
    const found =
      near === undefined
        ? { lane: chooseLane(loads, everywhere), depth: minDepth }
        : nearestLane(loads, near, maxDepthOf(input));
    if (found.lane === -1 || found.depth < minDepth) {
      if (found.lane !== -1) heldCount += 1;
      waiting.push(split);
      continue;
    }
    const weight = splitWeight(split, input.standardSplitBytes);
    addLoad(loads, found.lane, weight);
    placed.push({ split, weight, lane: found.lane });
  }
  return { placed, waiting, heldCount };
}

function nearestLane(
  loads: Loads,
  near: Nearness,
  maxDepth: number,
): { readonly lane: number; readonly depth: number } {
  for (const { depth, lanes } of near.levels) {
    if (near.full.has(depth)) continue;
    const lane = chooseLane(loads, lanes, 0.5 * (1 + depth / maxDepth));
    if (lane !== -1) return { lane, depth };
    near.full.add(depth);
  }
  return { lane: -1, depth: 0 };
}

/** By file, since a file's splits prefer the same nodes; `undefined` = no preference. */
function nearnessOf(input: TopologyInput): (split: FileSplit) => Nearness | undefined {
  const known = new Map<string, Nearness | undefined>();
  return (split) => {
    if (!known.has(split.path)) known.set(split.path, measure(input, input.prefers, split));
    return known.get(split.path);
  };
}

function measure(
  input: TopologyInput,
  prefers: PreferredNodes,
  split: FileSplit,
): Nearness | undefined {
  const preferred = prefers(split);
  if (preferred.length === 0) return undefined;
  const maxDepth = maxDepthOf(input);
  const byDepth = new Map<number, number[]>();
  input.lanes.forEach(({ node }, index) => {
    const depth = preferred.includes(node)
      ? maxDepth
      : Math.max(...preferred.map((other) => sharedSegments(input.locations, node, other)));
    byDepth.set(depth, [...(byDepth.get(depth) ?? []), index]);
  });
  const levels = [...byDepth]
    .map(([depth, lanes]) => ({ depth, lanes }))
    .sort((a, b) => b.depth - a.depth);
  return { levels, full: new Set() };
}

/** One more than the longest location: the node itself is the last segment of where it is. */
function maxDepthOf({ locations }: TopologyInput): number {
  return 1 + Math.max(0, ...locations.map((location) => location.length));
}

function sharedSegments(locations: readonly Location[], node: number, other: number): number {
  const [a = [], b = []] = [locations[node], locations[other]];
  const differing = a.findIndex((segment, index) => segment !== b[index]);
  return differing === -1 ? a.length : differing;
}
