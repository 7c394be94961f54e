import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PartitionId } from '../../../../../services/common/ids.ts';
import { DEFAULT_SPECULATION } from '../../../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import type { SpeculationOptions } from '../../../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import {
  baselineOf,
  findSlowTasks,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/slow-tasks.ts';
import type { ComparedTask } from '../../../../../services/coordinator/scheduler/fault-tolerant/slow-tasks.ts';

const OPTIONS = { ...DEFAULT_SPECULATION, minRuntimeMs: 100 };

function aTask(
  partition: number,
  runtimeMs: number,
  changes: Partial<ComparedTask> = {},
): ComparedTask {
  return {
    partitionId: partition as PartitionId,
    isFinished: false,
    runtimeMs,
    inputBytes: 0,
    workDone: 0,
    isCopied: false,
    ...changes,
  };
}

/** Nine tasks that took 100 ms each, for 1,000 bytes and 1,000 rows. */
const NINE = Array.from({ length: 9 }, (_, index) =>
  aTask(index, 100, { isFinished: true, inputBytes: 1_000, workDone: 1_000 }),
);

function find(tasks: readonly ComparedTask[], taskCount: number, options: SpeculationOptions) {
  const baseline = baselineOf(tasks.filter(({ isFinished }) => isFinished));
  const running = tasks.filter(({ isFinished }) => !isFinished);
  return findSlowTasks(running, { baseline, taskCount }, options);
}

const slowOf = (...running: readonly ComparedTask[]) => find([...NINE, ...running], 10, OPTIONS);

describe('slow tasks (S16)', () => {
  it('are those beyond three times the median', () => {
    expect(slowOf(aTask(9, 301)).slow).toEqual([9]);
    expect(slowOf(aTask(9, 300)).slow).toEqual([]);
  });

  it('are looked for when nine tenths of the tasks have finished', () => {
    const late = [...NINE.slice(1), aTask(9, 10_000)];
    expect(find(late, 10, OPTIONS).slow).toEqual([]);
    expect(find([aTask(9, 10_000)], 10, OPTIONS).slow).toEqual([]);
  });

  it('are never younger than the least runtime, by default 30 seconds', () => {
    const young = [...NINE, aTask(9, 29_999)];
    expect(find(young, 10, DEFAULT_SPECULATION)).toEqual({ slow: [], nextCheckMs: 2 });
    const old = [...NINE, aTask(9, 30_001)];
    expect(find(old, 10, DEFAULT_SPECULATION).slow).toEqual([9]);
  });

  it('are copied once', () => {
    expect(slowOf(aTask(9, 10_000, { isCopied: true }))).toEqual({
      slow: [],
      nextCheckMs: undefined,
    });
  });

  it('are left alone while they work at a fair rate, up to twice the time', () => {
    const fair = { workDone: 7.5 * 400 };
    expect(slowOf(aTask(9, 400, fair)).slow).toEqual([]);
    expect(slowOf(aTask(9, 400, { workDone: 7.4 * 400 })).slow).toEqual([9]);
    expect(slowOf(aTask(9, 601, { workDone: 10 * 601 })).slow).toEqual([9]);
  });

  it('are measured by their input where all inputs are known (K25)', () => {
    expect(slowOf(aTask(9, 600, { inputBytes: 2_000 })).slow).toEqual([]);
    expect(slowOf(aTask(9, 601, { inputBytes: 2_000 })).slow).toEqual([9]);
    expect(slowOf(aTask(9, 151, { inputBytes: 500 })).slow).toEqual([9]);
  });

  it('are none when there is nothing to compare with, unless a time is set', () => {
    expect(find([aTask(0, 1e9)], 1, OPTIONS).slow).toEqual([]);
    const options = { ...OPTIONS, singleTaskMs: 500 };
    expect(find([aTask(0, 501)], 1, options).slow).toEqual([0]);
    expect(find([aTask(0, 400)], 1, options)).toEqual({ slow: [], nextCheckMs: 101 });
  });

  it('are none when speculation is off', () => {
    const off = { ...OPTIONS, isEnabled: false };
    expect(find([...NINE, aTask(9, 1e9)], 10, off).slow).toEqual([]);
  });

  it('are found at the latest when the next look is due', () => {
    const running = fc.array(fc.nat(1_000), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(running, (runtimes) => {
        const tasks = runtimes.map((runtimeMs, index) => aTask(9 + index, runtimeMs));
        const all = [...NINE, ...tasks];
        const { slow, nextCheckMs } = find(all, 10, OPTIONS);
        expect(slow).toEqual(
          tasks.flatMap((task) => (task.runtimeMs > 300 ? [task.partitionId] : [])),
        );
        expect(nextCheckMs === undefined).toBe(slow.length === tasks.length);
        if (nextCheckMs === undefined) return;
        const later = (ms: number) =>
          find(
            all.map((task) =>
              task.isFinished ? task : { ...task, runtimeMs: task.runtimeMs + ms },
            ),
            10,
            OPTIONS,
          ).slow.length;
        expect(later(nextCheckMs)).toBeGreaterThan(slow.length);
        expect(later(nextCheckMs - 1)).toBe(slow.length);
      }),
    );
  });
});
