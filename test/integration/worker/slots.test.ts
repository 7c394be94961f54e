import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineError } from '../../../services/common/error.ts';
import { systemClock } from '../../../services/common/system-clock.ts';
import type { FragmentSlot } from '../../../services/worker/task/fragment-slot.ts';
import { deferred } from '../../support/deferred.ts';
import { aFragment } from '../../support/plan-builders.ts';
import {
  dataFile,
  EXCHANGE,
  fileSplit,
  fragmentOf,
  SlotHarness,
  splitsOf,
  tableScan,
} from '../../support/slot-harness.ts';
import { A_SLOT_REQUEST } from '../../support/task-fakes.ts';

let slots: SlotHarness;
beforeAll(async () => (slots = await SlotHarness.open()));
afterAll(async () => await slots[Symbol.asyncDispose]());

const CANCELLED = new EngineError('QUERY_CANCELLED', 'enough');
const pause = (durationMs: number): Promise<void> =>
  systemClock.sleep(durationMs, new AbortController().signal);

async function expectServing(slot: FragmentSlot): Promise<void> {
  await slot.release();
  expect(await slots.rows(await fragmentOf('SELECT 42 AS c0'))).toEqual([[42]]);
}

describe('a statement that is aborted', () => {
  const scans = [tableScan('lineitem', [{ name: 'l_orderkey', type: { id: 'BIGINT' } }])];

  it.each<[string, string]>([
    ['in a scan', 'SELECT sum(i) AS c0 FROM range(1000000000000) t(i)'],
    ['in a sort', 'SELECT i AS c0 FROM range(300000000) t(i) ORDER BY hash(i)'],
    [
      'in a cross product',
      'SELECT count(*) AS c0 FROM scan_1 a, scan_1 b, scan_1 c WHERE a.c0 + b.c0 + c.c0 < 0',
    ],
    [
      'in an aggregate',
      'SELECT count(*) AS c0 FROM (SELECT i % 5000000 AS k FROM range(2000000000) t(i) GROUP BY k)',
    ],
    ['while it gives rows', 'SELECT i AS c0 FROM range(1000000000000) t(i)'],
    [
      'in a recursion',
      'WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT max(n) AS c0 FROM r',
    ],
  ])('%s ends, and its slot goes on', async (_where, sql) => {
    const fragment = await fragmentOf(sql, { scans });
    const slot = await slots.acquire(fragment, 'worker');
    slots.begin(slot, fragment, { deals: [EXCHANGE], ordered: false });
    const splits = splitsOf({ splits: { 1: [fileSplit(dataFile('lineitem'), 0, 60_175)] } });
    const executing = slot.execute({ splits, flush: true });
    await pause(150);
    slot.abort(CANCELLED);
    await expect(executing).rejects.toBe(CANCELLED);
    await expectServing(slot);
  });

  it('before it has begun, at any moment of its beginning, ends too', async () => {
    for (let turn = 0; turn < 30; turn += 1) {
      const fragment = await fragmentOf('SELECT sum(i) AS c0 FROM range(1000000000000) t(i)');
      const slot = await slots.acquire(fragment);
      slots.begin(slot, fragment);
      const executing = slot.execute({ splits: new Map(), flush: true });
      if (turn > 10) await pause(turn % 4);
      slot.abort(CANCELLED);
      await expect(executing).rejects.toBe(CANCELLED);
      await slot.release();
    }
  });

  it('while it waits for its output ends', async () => {
    const fragment = await fragmentOf('SELECT i AS c0 FROM range(1000000000000) t(i)');
    const slot = await slots.acquire(fragment);
    slots.begin(slot, fragment, { accept: () => new Promise(() => undefined) });
    const executing = slot.execute({ splits: new Map(), flush: true });
    await pause(200);
    slot.abort(CANCELLED);
    await expect(executing).rejects.toBe(CANCELLED);
    await expectServing(slot);
  });
});

describe('back-pressure', () => {
  it('bounds the pages that a statement makes before they are taken', async () => {
    const fragment = await fragmentOf('SELECT i AS c0 FROM range(20000000) t(i)');
    const slot = await slots.acquire(fragment, 'worker');
    const room = deferred();
    let waiting = 0;
    let isFull = true;
    slots.begin(slot, fragment, {
      deals: [EXCHANGE],
      ordered: false,
      accept: ({ page }) => {
        if (!isFull) return undefined;
        waiting += page.byteLength;
        return room.promise;
      },
    });
    const executing = slot.execute({ splits: new Map(), flush: true });
    await pause(500);
    const held = waiting;
    await pause(200);
    expect(waiting).toBe(held);
    expect(held).toBeLessThan(6 << 20);
    isFull = false;
    room.resolve();
    expect(await executing).toMatchObject({ outputRows: 20_000_000 });
    await slot.release();
  });
});

describe('a reader of pages that throws', () => {
  it('fails the statement, and nothing else', async () => {
    const fragment = await fragmentOf('SELECT i AS c0 FROM range(100000000) t(i)');
    const failing = slots.run(fragment, {
      accept: () => {
        throw new Error('no such partition');
      },
    });
    await expect(failing).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
    expect(await slots.rows(await fragmentOf('SELECT 42 AS c0'))).toEqual([[42]]);
  });
});

describe('the pool', () => {
  it('runs fifty tasks on two slots', async () => {
    const fragments = await Promise.all(
      Array.from({ length: 50 }, (_task, i) =>
        fragmentOf(`SELECT ${i} + max(range) AS c0 FROM range(100)`),
      ),
    );
    const results = await Promise.all(fragments.map((fragment) => slots.rows(fragment)));
    expect(results).toEqual(Array.from({ length: 50 }, (_task, i) => [[BigInt(i + 99)]]));
  });

  it('grants slots in the order of the requests, and lets go of those who leave the queue', async () => {
    const fragment = await fragmentOf('SELECT 1 AS c0');
    const request = A_SLOT_REQUEST;
    const signal = new AbortController().signal;
    const held = [await slots.acquire(fragment), await slots.acquire(fragment)];
    const order: string[] = [];
    const leaving = new AbortController();
    const leaver = slots.pool.acquire(request, leaving.signal);
    const others = ['first', 'second'].map(async (name) => {
      const slot = await slots.pool.acquire(request, signal);
      order.push(name);
      await slot.release();
    });
    leaving.abort(CANCELLED);
    await expect(leaver).rejects.toBe(CANCELLED);
    await held[0]?.release();
    await Promise.all(others);
    expect(order).toEqual(['first', 'second']);
    await held[1]?.release();
  });

  it('gives a statement that may use the whole worker a narrow slot rather than let it wait', async () => {
    const fragment = await fragmentOf('SELECT 1 AS c0');
    const wide = await slots.acquire(fragment, 'worker');
    expect(await slots.rows(fragment, { threads: 'worker' })).toEqual([[1]]);
    await wide.release();
  });

  it('opens a slot anew for other settings, and for another memory lease', async () => {
    const zone = "SELECT current_setting('TimeZone') AS c0";
    const fragment = await fragmentOf(zone, { settings: { TimeZone: 'Asia/Tokyo' } });
    expect(await slots.rows(fragment)).toEqual([['Asia/Tokyo']]);
    const lease = { ...A_SLOT_REQUEST, memoryLimitBytes: 64 << 20 };
    const slot = await slots.pool.acquire(lease, new AbortController().signal);
    const pages: unknown[] = [];
    const limit = await fragmentOf("SELECT current_setting('memory_limit') AS c0");
    slots.begin(slot, limit, { accept: (page) => void pages.push(page) });
    await slot.execute({ splits: new Map(), flush: true });
    expect(slots.pool.leasedBytes).toBe(64 << 20);
    await slot.release();
    expect(slots.pool.leasedBytes).toBe(0);
  });

  it('refuses and releases when it is closed', async () => {
    const closing = await SlotHarness.open({ slotCount: 1 });
    const fragment = await fragmentOf('SELECT 1 AS c0');
    const held = await closing.acquire(fragment);
    const waiting = closing.acquire(fragment);
    const closed = closing.pool.close();
    await expect(waiting).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await held.release();
    await closed;
    await expect(closing.acquire(fragment)).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });

  it('forgets what a run has made of its connection, and a seed above all', async () => {
    await using slots = await SlotHarness.open({ slotCount: 1 });
    const numbers = await fragmentOf('SELECT random() AS c0 FROM range(5)');
    const preparation = [
      'SELECT setseed(0.25)',
      'SET VARIABLE x = 7',
      'CREATE TEMP MACRO m(a) AS a + 1',
    ];
    const first = await slots.rows(numbers, { threads: 'one', preparation });
    expect(await slots.rows(numbers, { threads: 'one', preparation })).toEqual(first);
    const session = aFragment(0, { sql: "SELECT m(getvariable('x')) AS c0" });
    expect(await slots.rows(session, { threads: 'one', preparation })).toEqual([[8]]);
    expect(await slots.rows(numbers, { threads: 'one' })).not.toEqual(first);
    await expect(slots.rows(session, { threads: 'one' })).rejects.toMatchObject({
      code: 'FUNCTION_NOT_FOUND',
    });
  });
});
