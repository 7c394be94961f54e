/** `npm run test:tpcds`: the 99 queries of TPC-DS on a cluster, each answer compared with plain DuckDB's. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { QueryClient } from '../cluster/query-client.ts';
import { startCluster } from '../cluster/start-cluster.ts';
import { parseProperty, positive, whole } from '../parse-values.ts';
import {
  benchmarkData,
  benchmarkQueries,
  type BenchmarkQuery,
  cacheDirectory,
  tableViews,
} from '../tpc-data.ts';
import { readArrowAnswer } from '../tpch/answer.ts';
import { DuckDBProcess } from '../tpch/duckdb-process.ts';
import { differenceFromOracle } from './answer-match.ts';

interface TpcdsArguments {
  readonly scale: number;
  readonly workers: number;
  readonly queries: readonly BenchmarkQuery[];
  readonly sessionProperties: Readonly<Record<string, string>>;
}

const USAGE = `usage: npm run test:tpcds -- [options]
  --scale N          TPC-DS scale factor (0.01)
  --workers N        worker processes (2)
  --queries q01,q05  only these
  --set NAME=VALUE   session property; repeatable (distribution=always)`;

/** @throws when an argument is unknown or has no sense. */
function parseArguments(argv: readonly string[]): TpcdsArguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      scale: { type: 'string', default: '0.01' },
      workers: { type: 'string', default: '2' },
      queries: { type: 'string' },
      set: { type: 'string', multiple: true, default: [] },
    },
  });
  return {
    scale: positive('scale', values.scale),
    workers: whole('workers', values.workers),
    queries: benchmarkQueries('tpcds', values.queries),
    sessionProperties: {
      distribution: 'always',
      ...Object.fromEntries(values.set.map(parseProperty)),
    },
  };
}

type Outcome =
  | { readonly kind: 'passed'; readonly rung: string; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

interface Sides {
  readonly skein: QueryClient;
  readonly duckdb: DuckDBProcess;
}

async function runQuery(
  { skein, duckdb }: Sides,
  { sql }: BenchmarkQuery,
  options: TpcdsArguments,
): Promise<Outcome> {
  try {
    const { queryId, arrowIpc } = await skein.run(sql, options.sessionProperties);
    const difference = await differenceFromOracle(duckdb, sql, readArrowAnswer(arrowIpc));
    if (difference !== undefined) return { kind: 'failed', reason: `not equal: ${difference}` };
    const { rung, rungReason } = await skein.describe(queryId);
    return { kind: 'passed', rung, reason: rungReason };
  } catch (error) {
    return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
}

async function runAll(sides: Sides, options: TpcdsArguments): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const query of options.queries) {
    const startedAt = performance.now();
    const outcome = await runQuery(sides, query, options);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    const verdict = outcome.kind === 'passed' ? `equal   ${outcome.rung}` : 'FAILED ';
    console.log(`${query.name}  ${verdict}  ${seconds} s  ${outcome.reason}`);
    outcomes.push(outcome);
  }
  // Before the cluster is stopped: what it found stands, however that goes.
  console.log(summary(outcomes));
  return outcomes;
}

function summary(outcomes: readonly Outcome[]): string {
  const passed = outcomes.filter((outcome) => outcome.kind === 'passed');
  const distributed = passed.filter(({ rung }) => rung === 'distributed').length;
  const failed = outcomes.length - passed.length;
  return `${passed.length} passed, ${failed} failed, ${distributed} distributed`;
}

async function runTpcds(options: TpcdsArguments): Promise<readonly Outcome[]> {
  const directory = benchmarkData('tpcds', options.scale);
  const threads = availableParallelism();
  const duckdb = await DuckDBProcess.start(threads, tableViews(directory));
  try {
    const cluster = await startCluster({
      catalogDirectory: directory,
      workers: options.workers,
      coresPerWorker: Math.max(1, Math.floor(threads / options.workers)),
      logFile: join(cacheDirectory(), 'test-tpcds.log'),
    });
    const skein = new QueryClient(cluster.address);
    try {
      return await runAll({ skein, duckdb }, options);
    } finally {
      skein.close();
      await cluster.stop();
    }
  } finally {
    await duckdb.stop();
  }
}

function readArguments(): TpcdsArguments | undefined {
  try {
    return parseArguments(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return undefined;
  }
}

const options = readArguments();
if (options === undefined) {
  process.exitCode = 2;
} else {
  const outcomes = await runTpcds(options);
  if (outcomes.some(({ kind }) => kind === 'failed')) process.exitCode = 1;
}
