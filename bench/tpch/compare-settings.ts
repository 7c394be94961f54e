/**
 * `npm run bench:settings -- --without NAME=VALUE`: the queries of TPC-H on one cluster, with and without session
 * properties, taking turns. The answers have to be equal; the figures are medians.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { QueryClient } from '../cluster/query-client.ts';
import { treeCpuSeconds } from '../cluster/process-memory.ts';
import { type RunningCluster, startCluster } from '../cluster/start-cluster.ts';
import { answerDifference, readArrowAnswer } from './answer.ts';
import { median } from './report.ts';
import {
  benchmarkData,
  benchmarkQueries,
  type BenchmarkQuery,
  cacheDirectory,
} from '../tpc-data.ts';

type Properties = Readonly<Record<string, string>>;

const { values } = parseArgs({
  options: {
    scale: { type: 'string', default: '1' },
    workers: { type: 'string', default: '2' },
    runs: { type: 'string', default: '3' },
    queries: { type: 'string' },
    /** A statement over the same tables, in place of the queries. */
    sql: { type: 'string' },
    /** For both sides. */
    set: { type: 'string', multiple: true, default: [] },
    /** For one side only. */
    without: { type: 'string', multiple: true, default: [] },
  },
});

function propertiesOf(pairs: readonly string[]): Properties {
  return Object.fromEntries(pairs.map((pair) => pair.split('=', 2) as [string, string]));
}

/** Medians of one query on one side. */
interface Figures {
  readonly seconds: number;
  /** Processor time of all of Skein's processes. */
  readonly cpuSeconds: number;
}

async function compare(
  { client, cluster }: { readonly client: QueryClient; readonly cluster: RunningCluster },
  query: BenchmarkQuery,
  sides: readonly [Properties, Properties],
): Promise<readonly [Figures, Figures]> {
  const answers = [];
  for (const side of sides) {
    answers.push(readArrowAnswer((await client.run(query.sql, side)).arrowIpc));
  }
  const [first, second] = answers;
  const difference =
    first === undefined || second === undefined
      ? 'an answer is missing'
      : answerDifference(first, second, query.sql);
  if (difference !== undefined) throw new Error(`${query.name}: ${difference}`);
  const runs: [Figures[], Figures[]] = [[], []];
  for (let run = 0; run < Number(values.runs); run += 1) {
    for (const side of run % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const cpuBefore = treeCpuSeconds(cluster.processId);
      const { seconds } = await client.run(query.sql, sides[side]);
      runs[side].push({ seconds, cpuSeconds: treeCpuSeconds(cluster.processId) - cpuBefore });
    }
  }
  return [mediansOf(runs[0]), mediansOf(runs[1])];
}

function mediansOf(runs: readonly Figures[]): Figures {
  return {
    seconds: median(runs.map(({ seconds }) => seconds)),
    cpuSeconds: median(runs.map(({ cpuSeconds }) => cpuSeconds)),
  };
}

function line(name: string, withIt: Figures, without: Figures): string {
  const cells = (['seconds', 'cpuSeconds'] as const).map((figure) => {
    const [a, b] = [withIt[figure], without[figure]];
    return `${a.toFixed(2)} ÷ ${b.toFixed(2)} = ${(a / b).toFixed(2)}`;
  });
  return `${name.padEnd(6)} ${cells.map((cell) => cell.padEnd(24)).join(' ')}`;
}

const cluster = await startCluster({
  catalogDirectory: benchmarkData('tpch', Number(values.scale)),
  workers: Number(values.workers),
  coresPerWorker: Math.max(1, Math.floor(availableParallelism() / Number(values.workers))),
  logFile: join(cacheDirectory(), 'bench-settings.log'),
});
const client = new QueryClient(cluster.address);
try {
  const shared = propertiesOf(values.set);
  const sides = [shared, { ...shared, ...propertiesOf(values.without) }] as const;
  const all: (readonly [Figures, Figures])[] = [];
  console.log(`${'query'.padEnd(6)} ${'seconds'.padEnd(24)} processor seconds`);
  const queries =
    values.sql === undefined
      ? benchmarkQueries('tpch', values.queries)
      : [{ name: 'sql', sql: values.sql }];
  for (const query of queries) {
    const figures = await compare({ client, cluster }, query, sides);
    all.push(figures);
    console.log(line(query.name, ...figures));
  }
  const total = (side: 0 | 1): Figures => ({
    seconds: all.reduce((sum, figures) => sum + figures[side].seconds, 0),
    cpuSeconds: all.reduce((sum, figures) => sum + figures[side].cpuSeconds, 0),
  });
  console.log(line('total', total(0), total(1)));
} finally {
  client.close();
  await cluster.stop();
}
