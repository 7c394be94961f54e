import { describe, expect, it } from 'vitest';
import { CallBatch } from '../../../../services/common/rpc/call-batch.ts';
import { settle, VirtualClock } from '../../../support/virtual-clock.ts';

function aBatch(send: (items: readonly number[]) => Promise<unknown> = async () => undefined): {
  batch: CallBatch<number>;
  clock: VirtualClock;
  calls: (readonly number[])[];
} {
  const clock = new VirtualClock();
  const calls: (readonly number[])[] = [];
  const batch = new CallBatch<number>({
    clock,
    send: (items) => {
      calls.push(items);
      return send(items);
    },
  });
  return { batch, clock, calls };
}

describe('a batch of calls', () => {
  it('carries what comes within a moment in one call, later items in the next', async () => {
    const { batch, clock, calls } = aBatch();
    const first = [batch.add(1), batch.add(2)];
    await clock.advance(2);
    await Promise.all(first);
    const second = batch.add(3);
    await clock.advance(2);
    await second;
    expect(calls).toEqual([[1, 2], [3]]);
    expect(clock.pendingCount).toBe(0);
  });

  it('tells every item of a call that it failed, and goes on with the next', async () => {
    let isBroken = true;
    const { batch, clock } = aBatch(async () => {
      if (isBroken) throw new Error('broken');
    });
    const failures = [1, 2].map((item) => expect(batch.add(item)).rejects.toThrow('broken'));
    await clock.advance(2);
    await Promise.all(failures);
    isBroken = false;
    const next = batch.add(3);
    await clock.advance(2);
    await next;
  });

  it('takes no more than a thousand items into one call', async () => {
    const { batch, clock, calls } = aBatch();
    const items = Array.from({ length: 2_500 }, (_, i) => i);
    const all = Promise.all(items.map((item) => batch.add(item)));
    await settle();
    await clock.advance(2);
    await all;
    expect(calls.map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
    expect(calls.flat()).toEqual(items);
  });
});
