import { describe, expect, it } from 'vitest';
import { readArguments } from '../../../../bench/scale/arguments.ts';
import { drawValue } from '../../../../bench/scale/distributions.ts';
import { EventQueue } from '../../../../bench/scale/event-queue.ts';
import { measureHeartbeats } from '../../../../bench/scale/heartbeats.ts';
import { MIX_NAMES } from '../../../../bench/scale/mixes.ts';
import type { MixName } from '../../../../bench/scale/mixes.ts';
import { plotOf } from '../../../../bench/scale/plot.ts';
import { runCase } from '../../../../bench/scale/scale-case.ts';
import { seededRandom } from '../../../../services/common/random.ts';

const run = (mix: MixName, tasks = 200) =>
  runCase({ mix, workers: 10, tasks, discipline: 'fault-tolerant', seed: 1, speedup: 1 });

describe('the workload simulator', () => {
  it.each(MIX_NAMES)('brings every query of %s to its end, and twice the same way', (mix) => {
    const row = run(mix, mix === 'facebook' || mix === 'alibaba' ? 100 : 200);
    expect(row).toMatchObject({ failed: 0, isDeterministic: true });
    expect(row.cost.launches).toBeGreaterThanOrEqual(row.taskCount);
    expect(row.makespanRatio).toBeGreaterThanOrEqual(1);
  });

  it('shows what a second attempt beside a slow task is worth (S16)', () => {
    const [copied, alone] = [run('straggler'), run('straggler-alone')];
    expect(copied.makespanSeconds).toBeLessThan(0.4 * alone.makespanSeconds);
    expect(copied.wastedShare).toBeGreaterThan(0);
  });

  it('loses nothing with a tenth of its workers but what ran on them', () => {
    const row = run('rack');
    expect(row.lostShare).toBeGreaterThan(0);
    expect(row.failed).toBe(0);
  });

  it('draws a picture of it', () => {
    expect(plotOf([run('even'), run('hog')])).toContain('<polyline');
  });

  it('hears every worker', () => {
    expect(measureHeartbeats(20).workers).toBe(20);
  });
});

describe('its parts', () => {
  it('refuse arguments that make no sense', () => {
    expect(readArguments(['--workers', '10,20', '--mix', 'hog'])).toMatchObject({
      workers: [10, 20],
      mixes: ['hog'],
    });
    for (const bad of [['--mix', 'none'], ['--workers', '0'], ['--tasks', 'x'], ['--unknown']])
      expect(readArguments(bad)).toBeUndefined();
  });

  it('give what is due in order', () => {
    const queue = new EventQueue<string>();
    for (const [at, name] of [
      [5, 'c'],
      [1, 'a'],
      [5, 'd'],
      [3, 'b'],
    ] as const)
      queue.push(at, name);
    const taken = Array.from({ length: 5 }, () => queue.pop()?.event);
    expect(taken).toEqual(['a', 'b', 'c', 'd', undefined]);
  });

  it('draw values between the quantiles', () => {
    const random = seededRandom(1);
    const values = Array.from({ length: 1_000 }, () =>
      drawValue(
        [
          [0, 1],
          [0.5, 10],
          [1, 1_000],
        ],
        random,
      ),
    ).sort((a, b) => a - b);
    expect(values[500]).toBeGreaterThan(7);
    expect(values[500]).toBeLessThan(14);
    expect(values.every((value) => value >= 1 && value <= 1_000)).toBe(true);
  });
});
