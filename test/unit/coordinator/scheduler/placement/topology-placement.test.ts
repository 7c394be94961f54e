import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Lane } from '../../../../../services/coordinator/scheduler/placement/split-placement.ts';
import {
  depthsOf,
  placeByTopology,
} from '../../../../../services/coordinator/scheduler/placement/topology-placement.ts';
import type { TopologyInput } from '../../../../../services/coordinator/scheduler/placement/topology-placement.ts';
import { someSplits } from '../../../../support/plan-builders.ts';

/** Two racks of two nodes; the files of source 1 are node 0's. */
const LOCATIONS = [['r1'], ['r1'], ['r2'], ['r2']];
const [NODE, RACK, ANY] = [2, 1, 0];

const aLane = (node: number, changes: Partial<Lane> = {}): Lane => ({
  node,
  task: 0,
  queuedWeight: 0,
  unacknowledgedSplits: 0,
  unfinishedSplits: 0,
  queueLimit: 400,
  ...changes,
});

function anInput(changes: Partial<TopologyInput> = {}): TopologyInput {
  const lanes = changes.lanes ?? [0, 1, 2, 3].map((node) => aLane(node));
  return {
    splits: someSplits(1, 1, 1_000),
    lanes,
    nodeWeights: LOCATIONS.map(() => 0),
    limits: {
      maxNodeWeight: 400,
      minTaskWeight: 400,
      maxTaskWeight: 400,
      maxUnacknowledgedSplits: 100,
    },
    isLimited: true,
    prefers: ({ path }) => (path === '/data/1.parquet' ? [0] : []),
    standardSplitBytes: 1_000,
    locations: LOCATIONS,
    ...changes,
  };
}

/** How many of so many standard splits go to each node, and how many stay. */
function dealt(count: number, minDepth: number, changes: Partial<TopologyInput> = {}) {
  const input = anInput({ splits: someSplits(1, count, 1_000), ...changes });
  const { placed, waiting, heldCount } = placeByTopology(input, minDepth);
  const perNode = LOCATIONS.map(
    (_, node) => placed.filter(({ lane }) => input.lanes[lane]?.node === node).length,
  );
  return { perNode, waiting: waiting.length, heldCount };
}

describe('topology placement (S14, §6.2)', () => {
  it('fills the preferred node, then its rack, then the rest, the farther the less of each queue', () => {
    // Weight 100 each: all of 400 at the node, 3 of 4 in the rack, half elsewhere.
    expect(dealt(4, ANY).perNode).toEqual([4, 0, 0, 0]);
    expect(dealt(7, ANY).perNode).toEqual([4, 3, 0, 0]);
    expect(dealt(20, ANY)).toEqual({ perNode: [4, 3, 2, 2], waiting: 9, heldCount: 0 });
  });

  it('holds splits back that may not go so far yet (S15)', () => {
    expect(dealt(5, NODE)).toEqual({ perNode: [4, 0, 0, 0], waiting: 1, heldCount: 1 });
    expect(dealt(9, RACK)).toEqual({ perNode: [4, 3, 0, 0], waiting: 2, heldCount: 2 });
  });

  it('does not say that splits are held back when there is no room for them anywhere', () => {
    const lanes = [0, 1, 2, 3].map((node) => aLane(node, { unacknowledgedSplits: 100 }));
    expect(dealt(2, NODE, { lanes })).toMatchObject({ waiting: 2, heldCount: 0 });
  });

  it('deals splits without a preference evenly, whatever is held back', () => {
    const splits = [...someSplits(1, 5, 1_000), ...someSplits(2, 3, 1_000)];
    expect(dealt(0, NODE, { splits })).toEqual({
      perNode: [4, 1, 1, 1],
      waiting: 1,
      heldCount: 1,
    });
  });

  it('gives an empty queue one split, however heavy', () => {
    const limits = {
      maxNodeWeight: 1,
      minTaskWeight: 1,
      maxTaskWeight: 1,
      maxUnacknowledgedSplits: 100,
    };
    const lanes = [0, 1, 2, 3].map((node) => aLane(node, { queueLimit: 1 }));
    expect(dealt(9, ANY, { limits, lanes }).perNode).toEqual([1, 1, 1, 1]);
  });

  it('knows the levels that there are lanes for', () => {
    expect(depthsOf(anInput())).toEqual([NODE, RACK, ANY]);
    const others = [aLane(2), aLane(3)];
    expect(depthsOf(anInput({ lanes: others }))).toEqual([ANY]);
    expect(depthsOf(anInput({ splits: someSplits(2, 3) }))).toEqual([]);
    expect(depthsOf(anInput({ locations: LOCATIONS.map(() => []) }))).toEqual([1, 0]);
  });

  it('loses no split and keeps the order, holds back only where there is room farther away', () => {
    const lane = fc.record({
      node: fc.nat(3),
      queuedWeight: fc.nat(500),
      unacknowledgedSplits: fc.nat(3),
    });
    fc.assert(
      fc.property(
        fc.array(lane, { minLength: 1, maxLength: 6 }),
        fc.nat(20),
        fc.nat(2),
        (loads, count, minDepth) => {
          const limits = { ...anInput().limits, maxUnacknowledgedSplits: 3 };
          const lanes = loads.map((load) => aLane(load.node, load));
          const input = anInput({ lanes, limits, splits: someSplits(1, count, 1_000) });
          const { placed, waiting, heldCount } = placeByTopology(input, minDepth);
          const rows = [...placed.map(({ split }) => split), ...waiting].map(
            (each) => each.firstRow,
          );
          expect(rows.toSorted((a, b) => a - b)).toEqual(input.splits.map((each) => each.firstRow));
          expect(waiting.map((each) => each.firstRow)).toEqual(
            waiting.map((each) => each.firstRow).toSorted((a, b) => a - b),
          );
          for (const each of lanes) expect(each.unacknowledgedSplits).toBeLessThanOrEqual(3);
          const retried = placeByTopology({ ...input, splits: waiting }, ANY);
          if (heldCount > 0) expect(retried.placed).not.toEqual([]);
        },
      ),
    );
  });
});
