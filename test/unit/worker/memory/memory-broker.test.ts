import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryBroker, planMemory } from '../../../../services/worker/memory/memory-broker.ts';

describe('the memory plan', () => {
  it('keeps slots, pages and headroom within the worker', () => {
    const plan = planMemory(1000, 0);
    expect(plan).toEqual({ slotBytes: 600, pageBytes: 250 });
    expect(planMemory(1000, 100)).toEqual({ slotBytes: 750, pageBytes: 100 });
  });
});

describe('the memory broker', () => {
  it('never leases more than there is', () => {
    const request = fc.record({ bytes: fc.integer({ min: 1, max: 150 }), release: fc.boolean() });
    fc.assert(
      fc.property(fc.array(request), (requests) => {
        const broker = new MemoryBroker(100);
        const held: number[] = [];
        for (const { bytes, release } of requests) {
          const lease = broker.tryLease(bytes);
          if (lease === undefined) expect(Math.min(bytes, 100)).toBeGreaterThan(100 - sum(held));
          else if (release) lease.release();
          else held.push(lease.byteCount);
          expect(broker.leasedBytes).toBe(sum(held));
          expect(broker.leasedBytes).toBeLessThanOrEqual(100);
        }
      }),
    );
  });

  it('gives what there is to one who asks for more', () => {
    expect(new MemoryBroker(100).tryLease(1000)?.byteCount).toBe(100);
  });

  it('takes a lease back once', () => {
    const broker = new MemoryBroker(100);
    const first = broker.tryLease(60);
    broker.tryLease(40);
    first?.release();
    first?.release();
    expect(broker.leasedBytes).toBe(40);
  });
});

const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);
