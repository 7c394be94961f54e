import { describe, expect, it } from 'vitest';
import { CpuMeter } from '../../../../services/worker/task/cpu-meter.ts';

describe('CpuMeter', () => {
  it('gives a statement that runs alone all of the time', () => {
    let nowMs = 1_000;
    const meter = new CpuMeter(() => nowMs);
    const end = meter.begin();
    nowMs += 40;
    expect(end()).toBe(40);
  });

  it('shares the time of statements that run at once, and counts none twice', () => {
    let nowMs = 0;
    const meter = new CpuMeter(() => nowMs);
    const first = meter.begin();
    nowMs += 10;
    const second = meter.begin();
    nowMs += 20;
    expect(first()).toBe(20);
    nowMs += 5;
    expect(second()).toBe(15);
  });

  it('gives nobody the time in which no statement ran', () => {
    let nowMs = 0;
    const meter = new CpuMeter(() => nowMs);
    meter.begin()();
    nowMs += 500;
    const end = meter.begin();
    expect(end()).toBe(0);
  });
});
