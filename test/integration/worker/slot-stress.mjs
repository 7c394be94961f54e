// Run by abrupt-ends.test.ts in a process of its own: statements are aborted, fail and are cut off by the
// end of the pool, at all moments. `dist` is where the compiled modules lie.
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const [dist, spillDirectory] = process.argv.slice(2);
const load = async (path) => await import(pathToFileURL(`${dist}/services/${path}`));
const { SlotPool } = await load('worker/duckdb/slot-pool.js');
const { MemoryBroker } = await load('worker/memory/memory-broker.js');
const { CpuMeter } = await load('worker/task/cpu-meter.js');
const { EngineError } = await load('common/error.js');
const { silentLogger } = await load('common/logger.js');

const STATEMENTS = [
  'SELECT sum(i)::BIGINT AS c0 FROM range(1000000000000) t(i)',
  'SELECT i::BIGINT AS c0 FROM range(1000000000000) t(i)',
  'SELECT i::BIGINT AS c0 FROM range(100000000) t(i) ORDER BY hash(i)',
  "SELECT CASE WHEN i = 500000 THEN error('stop') ELSE i END::BIGINT AS c0 FROM range(1000000) t(i)",
  'SELECT count(*)::BIGINT AS c0 FROM range(100000) a, range(100000) b, range(100000) c',
  'SELECT length(list(i)::VARCHAR)::BIGINT AS c0 FROM range(300000000) t(i)',
];

const pool = new SlotPool(
  {
    threadEntry: pathToFileURL(`${dist}/services/worker/duckdb/slot-thread.js`),
    slotCount: 2,
    cores: 2,
    allowedDirectories: [],
    spillDirectory,
    spillLimitBytes: 2 ** 30,
    settings: {},
  },
  { memory: new MemoryBroker(2 ** 29), cpu: new CpuMeter(() => 0), log: silentLogger },
);
await pool.prewarm();

async function runOne(turn) {
  const sql = STATEMENTS[turn % STATEMENTS.length];
  const threads = turn % 3 === 0 ? 'worker' : 'task';
  const fragment = {
    sql,
    columns: [{ name: 'c0', type: { id: 'BIGINT' } }],
    scans: [],
    remoteSources: [],
    inputMode: 'complete',
  };
  const claim = { queryId: 'q', share: { arrival: 1, priority: 0, groups: [] } };
  const request = { threads, memoryLimitBytes: 0, settings: {}, claim };
  const slot = await pool.acquire(request, new AbortController().signal);
  const deals = [{ keys: ['c0'], partitionCount: 3, layout: 'exchange' }];
  const io = {
    readPage: async () => undefined,
    acceptPage: () => pause(turn % 2),
    onMemory: () => undefined,
  };
  const terms = { partition: 0, ordered: false, rowLimit: undefined, isProfiled: false };
  slot.begin({ fragment, deals, ...terms, inputRows: new Map() }, io);
  const executing = slot.execute({ splits: new Map(), flush: true });
  executing.catch(() => undefined);
  await pause((turn * 7) % 60);
  slot.abort(new EngineError('QUERY_CANCELLED', 'enough'));
  const outcome = await executing.then(
    () => 'done',
    (error) => {
      if (error instanceof EngineError) return error.code;
      throw error;
    },
  );
  await slot.release();
  return outcome;
}

const running = Array.from({ length: 48 }, (_, turn) => runOne(turn));
const outcomes = await Promise.all(running);
await pool.close();
process.stdout.write(JSON.stringify([...new Set(outcomes)]));
