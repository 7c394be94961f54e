import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Instant } from '../../../../../services/common/ids.ts';
import {
  allowedDepth,
  isTimerDue,
  noLocalityWait,
  noteRound,
  restartLocalityWait,
} from '../../../../../services/coordinator/scheduler/placement/locality-wait.ts';

const DEPTHS = [3, 2, 0];
const at = (now: number, waitMs = 100) => ({ now: now as Instant, waitMs });

/** A scan of which splits are held back in the first round, at the instant 0. */
function held() {
  const wait = noLocalityWait();
  expect(allowedDepth(wait, DEPTHS, at(0))).toBe(3);
  expect(noteRound(wait, 1, at(0))).toBe(100);
  return wait;
}

describe('delay scheduling (S15)', () => {
  it('keeps to the deepest level until something is held back, however long that takes', () => {
    const wait = noLocalityWait();
    expect(noteRound(wait, 0, at(0))).toBeUndefined();
    expect(allowedDepth(wait, DEPTHS, at(1_000_000))).toBe(3);
  });

  it('goes one level farther with each wait', () => {
    const wait = held();
    expect([99, 100, 199, 200, 10_000].map((now) => allowedDepth(wait, DEPTHS, at(now)))).toEqual([
      3, 2, 2, 0, 0,
    ]);
  });

  it('goes several levels when nobody looked meanwhile', () => {
    expect(allowedDepth(held(), DEPTHS, at(250))).toBe(0);
  });

  it('passes a level without nodes at once (S14)', () => {
    const wait = held();
    expect(allowedDepth(wait, [2, 0], at(50))).toBe(2);
    expect(allowedDepth(wait, [2, 0], at(149))).toBe(2);
    expect(allowedDepth(wait, [2, 0], at(150))).toBe(0);
  });

  it('begins anew when nothing was held back, not with every split that is placed', () => {
    const wait = held();
    expect(allowedDepth(wait, DEPTHS, at(100))).toBe(2);
    noteRound(wait, 1, at(150));
    expect(allowedDepth(wait, DEPTHS, at(200))).toBe(0);
    noteRound(wait, 0, at(200));
    expect(allowedDepth(wait, DEPTHS, at(201))).toBe(3);
  });

  it('begins anew when a node joins (S13)', () => {
    const wait = held();
    allowedDepth(wait, DEPTHS, at(200));
    restartLocalityWait(wait);
    expect(allowedDepth(wait, DEPTHS, at(201))).toBe(3);
  });

  it('holds nothing back without a wait', () => {
    expect(allowedDepth(noLocalityWait(), DEPTHS, at(0, 0))).toBe(0);
  });

  it('arms one timer at a time, and takes it once', () => {
    const wait = held();
    expect(noteRound(wait, 1, at(10))).toBeUndefined();
    expect(isTimerDue(wait, 99 as Instant)).toBe(false);
    expect(isTimerDue(wait, 100 as Instant)).toBe(true);
    wait.timerAt = null;
    expect(isTimerDue(wait, 100 as Instant)).toBe(false);
    allowedDepth(wait, DEPTHS, at(100));
    expect(noteRound(wait, 1, at(100))).toBe(200);
  });

  it('comes to any depth in the end, timer after timer, whatever levels come and go', () => {
    const depths = fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { maxLength: 5 });
    fc.assert(
      fc.property(fc.array(depths, { minLength: 1, maxLength: 10 }), (rounds) => {
        const wait = noLocalityWait();
        let now = 0;
        let timers = 0;
        for (;;) {
          const levels = [...(rounds[timers % rounds.length] ?? []), 0].sort((a, b) => b - a);
          if (allowedDepth(wait, levels, at(now)) === 0) break;
          const next = noteRound(wait, 1, at(now));
          expect(next, 'somebody looks again').toBeDefined();
          now = next ?? now;
          wait.timerAt = null;
          timers += 1;
          expect(timers).toBeLessThanOrEqual(12);
        }
        expect(JSON.parse(JSON.stringify(wait))).toEqual(wait);
      }),
    );
  });
});
