import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PartitionId } from '../../../../services/common/ids.ts';
import { silentLogger } from '../../../../services/common/logger.ts';
import { SlotPool } from '../../../../services/worker/duckdb/slot-pool.ts';
import { MemoryBroker } from '../../../../services/worker/memory/memory-broker.ts';
import { CpuMeter } from '../../../../services/worker/task/cpu-meter.ts';
import type { FragmentSlot } from '../../../../services/worker/task/fragment-slot.ts';
import { A_SLOT_REQUEST } from '../../../support/task-fakes.ts';
import { aFragment, aRemote } from '../../../support/plan-builders.ts';

/** A slot without DuckDB: writes down where it would spill, and can never forget a run. */
const THREAD = `
import { appendFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
const TELL = { open: 'opened', execute: 'executed', flush: 'flushed' };
parentPort.on('message', (order) => {
  if (order.kind === 'open') {
    appendFileSync(new URL('opened', import.meta.url), order.profile.tempDirectory + '\\n');
  }
  if (order.kind === 'close') parentPort.close();
  else if (order.kind === 'end') {
    parentPort.postMessage({ kind: 'failed', error: { code: 'INTERNAL_ERROR', message: 'no' } });
  } else parentPort.postMessage({ kind: TELL[order.kind] });
});`;

let directory: string;
let pool: SlotPool;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'skein-slot-pool-'));
  writeFileSync(join(directory, 'thread.mjs'), THREAD);
  const memory = new MemoryBroker(1 << 30);
  pool = new SlotPool(
    {
      threadEntry: pathToFileURL(join(directory, 'thread.mjs')),
      slotCount: 1,
      cores: 1,
      allowedDirectories: [],
      spillDirectory: join(directory, 'spill'),
      spillLimitBytes: 1 << 30,
      settings: {},
    },
    { memory, cpu: new CpuMeter(() => 0), log: silentLogger },
  );
});

afterEach(async () => {
  await pool.close();
  rmSync(directory, { recursive: true });
});

async function acquire(): Promise<FragmentSlot> {
  return await pool.acquire(A_SLOT_REQUEST, new AbortController().signal);
}

/** Begins a run that has something to forget, which makes the slot useless. */
async function lose(slot: FragmentSlot): Promise<void> {
  const fragment = { ...aFragment(0), remoteSources: [aRemote(1, [0], 'gather')] };
  const run = {
    fragment,
    preparation: [],
    partition: 0 as PartitionId,
    deals: [],
    ordered: false,
    rowLimit: undefined,
    inputRows: new Map(),
    isProfiled: false,
  };
  const nothing = (): undefined => undefined;
  const io = {
    readPage: () => Promise.resolve(undefined),
    acceptPage: nothing,
    onMemory: nothing,
  };
  slot.begin(run, io);
  await slot.release();
}

describe('a slot that was lost', () => {
  it('is replaced by one that spills elsewhere: the old one may still hold its directory', async () => {
    await lose(await acquire());
    await lose(await acquire());
    const opened = readFileSync(join(directory, 'opened'), 'utf8').trim().split('\n');
    expect(opened).toHaveLength(2);
    expect(new Set(opened).size).toBe(2);
  });
});

describe('a request that waits when the pool closes', () => {
  it('is refused, and may be given up afterwards', async () => {
    const slot = await acquire();
    const gone = new AbortController();
    const waiting = pool.acquire(A_SLOT_REQUEST, gone.signal);
    const refused = expect(waiting).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    const closed = pool.close();
    await refused;
    gone.abort(new Error('nobody wants it now'));
    await lose(slot);
    await closed;
  });
});
