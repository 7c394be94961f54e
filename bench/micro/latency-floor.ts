import { join } from 'node:path';
import { availableParallelism, tmpdir } from 'node:os';
import { QueryClient } from '../cluster/query-client.ts';
import { startCluster } from '../cluster/start-cluster.ts';
import { measureLatency, type Measurement, type MicroBenchmark } from '../micro-benchmark.ts';
import { ROOT } from '../root.ts';

const WORKERS = 2;
const SAMPLES = 400;
/** Of each statement. Five processes compile what they run often; the floor is what is left then. */
const WARM_UP = 1_000;

const STATEMENTS = [
  { name: 'SELECT 1', sql: 'SELECT 1', atMostMs: 6 },
  { name: 'count over nation', sql: 'SELECT count(*) FROM nation', atMostMs: 8 },
] as const;

export const benchmark: MicroBenchmark = {
  title: 'smallest statements through the gateway, one warm connection, submission to last byte',
  async run() {
    const startedAt = performance.now();
    const cluster = await startCluster({
      catalogDirectory: join(ROOT, 'examples', 'data'),
      workers: WORKERS,
      coresPerWorker: Math.max(1, Math.floor(availableParallelism() / WORKERS)),
      logFile: join(tmpdir(), `skein-latency-floor-${process.pid}.log`),
    });
    const client = new QueryClient(cluster.address);
    try {
      await client.run('SELECT 1', {});
      const startMs = performance.now() - startedAt;
      const start = { name: 'cluster start to first answer', value: startMs, unit: 'ms' } as const;
      return [{ ...start, target: { atMost: 1500 } }, ...(await measureStatements(client))];
    } finally {
      client.close();
      await cluster.stop();
    }
  },
};

async function measureStatements(client: QueryClient): Promise<readonly Measurement[]> {
  const measurements: Measurement[] = [];
  // All of them first, so that none is measured in processes that are colder than those of the next.
  for (let i = 0; i < WARM_UP; i += 1) for (const { sql } of STATEMENTS) await client.run(sql, {});
  for (const { name, sql, atMostMs } of STATEMENTS) {
    const run = async (): Promise<number> => 1_000 * (await client.run(sql, {})).seconds;
    const { p50Ms, p99Ms } = await measureLatency(run, { samples: SAMPLES });
    measurements.push(
      { name: `${name}, p50`, value: p50Ms, unit: 'ms', target: { atMost: atMostMs } },
      { name: `${name}, p99`, value: p99Ms, unit: 'ms' },
    );
  }
  return measurements;
}
