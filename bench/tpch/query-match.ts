import type { QueryClient } from '../cluster/query-client.ts';
import { resetPeaks, treeMemory, type ProcessMemory } from '../cluster/process-memory.ts';
import type { RunningCluster } from '../cluster/start-cluster.ts';
import type { BenchmarkQuery } from '../tpc-data.ts';
import { answerDifference, readArrowAnswer } from './answer.ts';
import type { TpchArguments } from './arguments.ts';
import type { DuckDBProcess } from './duckdb-process.ts';
import { median, type QueryReport } from './report.ts';

export interface QueryMatchDeps {
  readonly skein: QueryClient;
  readonly cluster: RunningCluster;
  readonly duckdb: DuckDBProcess;
  readonly options: TpchArguments;
}

/** Runs one query after another on both sides. */
export class QueryMatch {
  readonly #deps: QueryMatchDeps;
  readonly #memory: (readonly ProcessMemory[])[] = [];

  constructor(deps: QueryMatchDeps) {
    this.#deps = deps;
  }

  /** Memory of Skein's processes, one sample a query. */
  get memory(): readonly (readonly ProcessMemory[])[] {
    return this.#memory;
  }

  /** First the answers are compared, then both sides are timed, taking turns at being first. */
  async play(query: BenchmarkQuery): Promise<QueryReport> {
    try {
      const rows = await this.#compareAnswers(query);
      return { query: query.name, rows, ...(await this.#measure(query)) };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { query: query.name, error: message };
    }
  }

  async #compareAnswers({ sql }: BenchmarkQuery): Promise<number> {
    const { skein, duckdb, options } = this.#deps;
    const { arrowIpc } = await skein.run(sql, options.sessionProperties);
    const expected = await duckdb.answer(sql);
    const difference = answerDifference(readArrowAnswer(arrowIpc), expected, sql);
    if (difference !== undefined) throw new Error(`the answer differs: ${difference}`);
    return expected.rows.length;
  }

  async #measure({ sql }: BenchmarkQuery): Promise<Omit<QueryReport, 'query' | 'rows'>> {
    const { skein, cluster, duckdb, options } = this.#deps;
    resetPeaks(cluster.processId);
    resetPeaks(duckdb.processId);
    const skeinRuns: number[] = [];
    const duckdbRuns: number[] = [];
    let queryId = '';
    const runSkein = async (): Promise<void> => {
      const run = await skein.run(sql, options.sessionProperties);
      skeinRuns.push(run.seconds);
      queryId = run.queryId;
    };
    for (let round = 0; round < options.runs; round++) {
      const isSkeinFirst = round % 2 === 0;
      if (isSkeinFirst) await runSkein();
      duckdbRuns.push(await duckdb.time(sql));
      if (!isSkeinFirst) await runSkein();
    }
    const memory = treeMemory(cluster.processId);
    this.#memory.push(memory);
    const { progress, rung } = await skein.describe(queryId);
    const [skeinSeconds, duckdbSeconds] = [median(skeinRuns), median(duckdbRuns)];
    const peaks = memory.map(({ peakBytes }) => peakBytes);
    return {
      skein_seconds: skeinSeconds,
      duckdb_seconds: duckdbSeconds,
      ratio: skeinSeconds / duckdbSeconds,
      skein_runs: skeinRuns,
      duckdb_runs: duckdbRuns,
      rung,
      exchange_bytes: Number(progress?.exchangeBytes ?? 0n),
      skein_peak_bytes: peaks.reduce((total, bytes) => total + bytes, 0),
      skein_largest_process_bytes: Math.max(0, ...peaks),
      duckdb_peak_bytes: treeMemory(duckdb.processId)[0]?.peakBytes ?? 0,
    };
  }
}
