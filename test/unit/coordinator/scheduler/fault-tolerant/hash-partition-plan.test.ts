import { describe, expect, it } from 'vitest';
import type { SourceId } from '../../../../../services/common/ids.ts';
import { DEFAULT_TASK_SIZING } from '../../../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import { planHashPartitions } from '../../../../../services/coordinator/scheduler/fault-tolerant/hash-partition-plan.ts';
import type { HashPartitioning } from '../../../../../services/coordinator/scheduler/fault-tolerant/hash-partition-plan.ts';

const SIZING = { ...DEFAULT_TASK_SIZING, hashTargetBytes: 100, maxTasks: 1000 };
const LEFT = 1 as SourceId;
const RIGHT = 2 as SourceId;

function plan(
  sizes: Readonly<Record<number, readonly number[]>>,
  changes: Partial<HashPartitioning> = {},
  sizing = SIZING,
) {
  const estimates = Object.entries(sizes).map(([sourceId, partitionBytes]) => ({
    sourceId: Number(sourceId) as SourceId,
    estimate: { partitionBytes },
  }));
  return planHashPartitions(
    {
      partitionCount: estimates[0]?.estimate.partitionBytes.length ?? 3,
      estimates,
      hashedSources: estimates.map(({ sourceId }) => sourceId),
      divisibleSources: [],
      mayMerge: true,
      nodeCount: 0,
      ...changes,
    },
    sizing,
  );
}

describe('the plan of hash partitions (F25, F26)', () => {
  it('gives small partitions to the emptiest task with room', () => {
    const { groupOfPartition } = plan({ 1: [60, 50, 30, 45, 200] });
    expect(groupOfPartition).toEqual([0, 1, 1, 2, 3]);
  });

  it('adds up what the sources have of a partition', () => {
    expect(plan({ 1: [40, 40], 2: [10, 10] }).groupOfPartition).toEqual([0, 0]);
    expect(plan({ 1: [40, 40], 2: [20, 10] }).groupOfPartition).toEqual([0, 1]);
  });

  it('has a task for each partition without all estimates, and where nothing may be merged', () => {
    const oneToOne = [0, 1, 2];
    expect(plan({}).groupOfPartition).toEqual(oneToOne);
    const hashedSources = [LEFT, RIGHT];
    expect(plan({ 1: [1, 1, 1] }, { hashedSources }).groupOfPartition).toEqual(oneToOne);
    expect(plan({ 1: [1, 1, 1] }, { mayMerge: false }).groupOfPartition).toEqual(oneToOne);
  });

  it('has twice as many tasks as nodes, if there are rows for them', () => {
    const sizes = { 1: [10, 10, 10, 10, 10, 10, 10, 10] };
    expect(plan(sizes).groups).toHaveLength(1);
    expect(plan(sizes, { nodeCount: 2 }).groups).toHaveLength(4);
    expect(plan({ 1: [0, 0, 0] }, { nodeCount: 2 }).groups).toHaveLength(1);
  });

  it('makes tasks bigger when there would be too many', () => {
    const sizes = { 1: Array.from({ length: 10 }, () => 100) };
    expect(plan(sizes, {}, { ...SIZING, maxTasks: 5 }).groups).toHaveLength(5);
  });

  it.each([
    { left: 350, right: 10, taskCount: 4 },
    { left: 350, right: 25, taskCount: 5 },
    { left: 350, right: 26, taskCount: 1 },
    { left: 90, right: 5, taskCount: 1 },
    { left: 100, right: 20, taskCount: 2 },
  ])('divides $left bytes beside $right between $taskCount', ({ left, right, taskCount }) => {
    const { groups } = plan({ 1: [left], 2: [right] }, { divisibleSources: [LEFT] });
    expect(groups).toEqual([{ taskCount, dividedSource: taskCount === 1 ? null : LEFT }]);
  });

  it('divides only a source that may be, by the largest only', () => {
    expect(plan({ 1: [350], 2: [10] }, { divisibleSources: [RIGHT] }).groups).toEqual([
      { taskCount: 1, dividedSource: null },
    ]);
  });
});
