/** `npm run bench:tpch`: the 22 queries of TPC-H on Skein and on plain DuckDB, alternating, in one run. */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { QueryClient } from '../cluster/query-client.ts';
import { startCluster } from '../cluster/start-cluster.ts';
import { benchmarkData, cacheDirectory, tableViews } from '../tpc-data.ts';
import { parseTpchArguments, USAGE, type TpchArguments } from './arguments.ts';
import { DuckDBProcess } from './duckdb-process.ts';
import { QueryMatch } from './query-match.ts';
import { formatReport, processPeaks, tpchReport, type TpchReport } from './report.ts';

async function runTpch(options: TpchArguments): Promise<TpchReport> {
  const directory = benchmarkData('tpch', options.scale);
  const duckdb = await DuckDBProcess.start(options.threads, tableViews(directory));
  try {
    const cluster = await startCluster({
      catalogDirectory: directory,
      workers: options.workers,
      coresPerWorker: Math.max(1, Math.floor(options.threads / options.workers)),
      logFile: join(cacheDirectory(), 'bench-tpch.log'),
    });
    const skein = new QueryClient(cluster.address);
    try {
      const match = new QueryMatch({ skein, cluster, duckdb, options });
      const queries = [];
      for (const query of options.queries) {
        process.stderr.write(`${query.name} `);
        queries.push(await match.play(query));
      }
      process.stderr.write('\n');
      return tpchReport(header(options, duckdb.version), queries, processPeaks(match.memory));
    } finally {
      skein.close();
      await cluster.stop();
    }
  } finally {
    await duckdb.stop();
  }
}

function header(options: TpchArguments, duckdbVersion: string): Parameters<typeof tpchReport>[0] {
  return {
    date: new Date().toISOString(),
    scale: options.scale,
    workers: options.workers,
    threads: options.threads,
    runs: options.runs,
    session_properties: options.sessionProperties,
    node_version: process.version,
    duckdb_version: duckdbVersion,
    cpu: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
  };
}

function readArguments(): TpchArguments | undefined {
  try {
    return parseTpchArguments(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return undefined;
  }
}

const options = readArguments();
if (options === undefined) {
  process.exitCode = 2;
} else {
  const report = await runTpch(options);
  console.log(formatReport(report));
  if (options.jsonFile !== undefined) {
    writeFileSync(options.jsonFile, `${JSON.stringify(report, undefined, 2)}\n`);
  }
  if (report.failed.length > 0) process.exitCode = 1;
}
