import { describe, expect, it } from 'vitest';
import { LendingPool } from '../../../../services/planner/duckdb/lending-pool.ts';
import { deferred } from '../../../support/deferred.ts';

class Thing {
  isClosed = false;

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

/** A user who has the thing until it is told to give it back. */
function borrow(pool: LendingPool<Thing>, key: string, thing: Thing) {
  const { promise, resolve } = deferred();
  const used = pool.use(
    key,
    async () => thing,
    async (lent) => {
      await promise;
      return lent;
    },
  );
  return { used, giveBack: resolve };
}

async function use(pool: LendingPool<Thing>, key: string, thing: Thing): Promise<Thing> {
  const { used, giveBack } = borrow(pool, key, thing);
  giveBack();
  return await used;
}

describe('a lending pool', () => {
  it('opens a thing once, for any number of users', async () => {
    const pool = new LendingPool<Thing>(2);
    const [first, second] = [new Thing(), new Thing()];
    const one = borrow(pool, 'a', first);
    expect(await use(pool, 'a', second)).toBe(first);
    one.giveBack();
    expect(await one.used).toBe(first);
  });

  it('closes what was not used for longest, but nothing that is in use', async () => {
    const pool = new LendingPool<Thing>(2);
    const [a, b, c, d] = [new Thing(), new Thing(), new Thing(), new Thing()];
    const held = borrow(pool, 'a', a);
    await use(pool, 'b', b);
    await use(pool, 'c', c);
    await use(pool, 'd', d);
    expect([a, b, c, d].map(({ isClosed }) => isClosed)).toEqual([false, true, true, false]);
    held.giveBack();
    await held.used;
    await pool.close();
    expect([a, d].map(({ isClosed }) => isClosed)).toEqual([true, true]);
  });

  it('tries anew to open what could not be opened', async () => {
    const pool = new LendingPool<Thing>(2);
    const fail = pool.use(
      'a',
      () => Promise.reject(new Error('not today')),
      () => Promise.resolve(),
    );
    await expect(fail).rejects.toThrow('not today');
    const thing = new Thing();
    expect(await use(pool, 'a', thing)).toBe(thing);
  });
});
