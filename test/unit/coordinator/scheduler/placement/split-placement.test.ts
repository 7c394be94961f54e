import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_PREFERENCE } from '../../../../../services/coordinator/scheduler/placement/split-affinity.ts';
import {
  placeSplits,
  splitWeight,
} from '../../../../../services/coordinator/scheduler/placement/split-placement.ts';
import type { Lane } from '../../../../../services/coordinator/scheduler/placement/split-placement.ts';
import type { SplitQueueLimits } from '../../../../../services/coordinator/scheduler/scheduler-options.ts';
import { someSplits } from '../../../../support/plan-builders.ts';

const STANDARD = 32 * 1024 * 1024;
const LIMITS: SplitQueueLimits = {
  maxNodeWeight: 400,
  minTaskWeight: 200,
  maxTaskWeight: 200,
  maxUnacknowledgedSplits: 100,
};

function aLane(node: number, changes: Partial<Lane> = {}): Lane {
  return {
    node,
    task: 0,
    queuedWeight: 0,
    unacknowledgedSplits: 0,
    unfinishedSplits: 0,
    queueLimit: 200,
    ...changes,
  };
}

function place(
  lanes: readonly Lane[],
  count: number,
  { limits = LIMITS, isLimited = true, prefers = NO_PREFERENCE } = {},
) {
  const nodes = Math.max(...lanes.map((lane) => lane.node)) + 1;
  const nodeWeights = Array.from({ length: nodes }, (_, node) =>
    lanes.filter((lane) => lane.node === node).reduce((sum, lane) => sum + lane.queuedWeight, 0),
  );
  const splits = someSplits(1, count);
  return placeSplits({
    splits,
    lanes,
    nodeWeights,
    limits,
    isLimited,
    prefers,
    standardSplitBytes: STANDARD,
  });
}

describe('split placement (T27)', () => {
  it('weighs a split by its bytes, small ones by their overhead', () => {
    const [split] = someSplits(1, 1, STANDARD);
    if (split === undefined) throw new Error('no split');
    expect(splitWeight(split, STANDARD)).toBe(100);
    expect(splitWeight({ ...split, bytes: 10 }, STANDARD)).toBe(5);
    expect(splitWeight({ ...split, bytes: 3 * STANDARD }, STANDARD)).toBe(300);
  });

  it('takes the shortest queue, then the emptier node, then the idler task', () => {
    const lanes = [
      aLane(0, { queuedWeight: 100 }),
      aLane(0),
      aLane(1, { unfinishedSplits: 2 }),
      aLane(1),
    ];
    const { placed } = place(lanes, 3);
    expect(placed.map(({ lane }) => lane)).toEqual([3, 1, 2]);
  });

  it('prefers a node with room over a task with a shorter queue on a full node', () => {
    const lanes = [
      aLane(0),
      aLane(0, { queuedWeight: 400, queueLimit: 0 }),
      aLane(1, { queuedWeight: 150 }),
    ];
    expect(place(lanes, 1).placed.map(({ lane }) => lane)).toEqual([2]);
  });

  it('fills short queues when every node is full', () => {
    const lanes = [aLane(0, { queuedWeight: 350 }), aLane(0, { queuedWeight: 150 })];
    expect(place(lanes, 4).placed.map(({ lane }) => lane)).toEqual([1]);
  });

  it('keeps the order of what it places and of what waits', () => {
    const { placed, waiting } = place([aLane(0, { queueLimit: 0 })], 7);
    expect(placed.map(({ split }) => split.firstRow)).toEqual([0, 100, 200, 300]);
    expect(waiting.map((split) => split.firstRow)).toEqual([400, 500, 600]);
  });

  it('goes where the file was read before, first to its first node, while that costs no balance', () => {
    const limits = { ...LIMITS, maxNodeWeight: 10_000 };
    const prefers = () => [2, 1];
    const idle = () => [aLane(0), aLane(1), aLane(2)];
    const lanesOf = (lanes: readonly Lane[], count: number) =>
      place(lanes, count, { limits, prefers }).placed.map(({ lane }) => lane);
    expect(lanesOf(idle(), 6)).toEqual([2, 2, 1, 1, 0, 2]);
    expect(lanesOf([aLane(0), aLane(2, { queuedWeight: 101 })], 1)).toEqual([0]);
    expect(lanesOf([aLane(0), aLane(2, { unfinishedSplits: 5 })], 1)).toEqual([0]);
    expect(lanesOf([aLane(0), aLane(2, { unfinishedSplits: 4 })], 1)).toEqual([1]);
  });

  it('keeps to a preferred node no longer than it has room', () => {
    const full = aLane(1, { unacknowledgedSplits: 100 });
    const { placed } = place([aLane(0), full], 1, { prefers: () => [1] });
    expect(placed.map(({ lane }) => lane)).toEqual([0]);
  });

  it('obeys its limits on any load', () => {
    const lane = fc.record({
      node: fc.nat(3),
      queuedWeight: fc.nat(600),
      unacknowledgedSplits: fc.nat(6),
      queueLimit: fc.integer({ min: 100, max: 300 }),
    });
    fc.assert(
      fc.property(
        fc.array(lane, { minLength: 1, maxLength: 8 }),
        fc.nat(40),
        fc.boolean(),
        (loads, count, isLimited) => {
          const limits = { ...LIMITS, maxUnacknowledgedSplits: 5 };
          const lanes = loads.map((load) => aLane(load.node, load));
          const before = lanes.map((each) => ({ ...each }));
          const { placed, waiting } = place(lanes, count, { limits, isLimited });
          expect(placed.length + waiting.length).toBe(count);
          lanes.forEach((each, index) => {
            const start = before[index];
            if (start === undefined || each.unacknowledgedSplits === start.unacknowledgedSplits)
              return;
            expect(each.unacknowledgedSplits).toBeLessThanOrEqual(5);
          });
          const hasRoom = (each: Lane) =>
            each.unacknowledgedSplits < 5 && (!isLimited || each.queuedWeight < each.queueLimit);
          if (waiting.length > 0) expect(lanes.some(hasRoom)).toBe(false);
        },
      ),
    );
  });
});
