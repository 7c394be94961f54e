import { describe, expect, it } from 'vitest';
import {
  type EarlyResult,
  EarlyResults,
} from '../../../../services/gateway/result/early-results.ts';
import type { ResultUpdate } from '../../../../services/gateway/result/ports.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

const ALICE = { name: 'alice' };
const BOB = { name: 'bob' };

async function* nothing(): AsyncGenerator<ResultUpdate, void, void> {
  yield* [];
}

function earlyResult(): EarlyResult {
  return { updates: nothing(), call: new AbortController() };
}

describe('early results', () => {
  it('are given once, to the principal who submitted', () => {
    const results = new EarlyResults(new VirtualClock());
    const early = earlyResult();
    results.hold('q1', ALICE, early);
    expect(results.take('q1', BOB)).toBeUndefined();
    expect(results.take('q2', ALICE)).toBeUndefined();
    expect(results.take('q1', ALICE)?.updates).toBe(early.updates);
    expect(results.take('q1', ALICE)).toBeUndefined();
    expect(early.call.signal.aborted).toBe(false);
  });

  it('end their call when nobody comes for them within a second', async () => {
    const clock = new VirtualClock();
    const results = new EarlyResults(clock);
    const [early, taken] = [earlyResult(), earlyResult()];
    results.hold('q1', ALICE, early);
    results.hold('q2', ALICE, taken);
    results.take('q2', ALICE);
    await clock.advance(999);
    expect(early.call.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(early.call.signal.aborted).toBe(true);
    expect(results.take('q1', ALICE)).toBeUndefined();
    expect(taken.call.signal.aborted).toBe(false);
  });

  it('are held for a thousand queries: the oldest goes when another comes', () => {
    const results = new EarlyResults(new VirtualClock());
    const all = Array.from({ length: 1_001 }, earlyResult);
    for (const [index, early] of all.entries()) results.hold(`q${index}`, ALICE, early);
    expect(all.filter(({ call }) => call.signal.aborted)).toEqual([all[0]]);
    expect(results.take('q1', ALICE)).toBeDefined();
  });

  it('take the place of older ones of the same query, and end when they are closed', () => {
    const clock = new VirtualClock();
    const results = new EarlyResults(clock);
    const [first, second] = [earlyResult(), earlyResult()];
    results.hold('q1', ALICE, first);
    results.hold('q1', ALICE, second);
    expect([first.call.signal.aborted, second.call.signal.aborted]).toEqual([true, false]);
    results.close();
    expect(second.call.signal.aborted).toBe(true);
  });
});
