import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { parseProperty, positive, whole } from '../parse-values.ts';
import { benchmarkQueries, type BenchmarkQuery } from '../tpc-data.ts';

export interface TpchArguments {
  readonly scale: number;
  readonly workers: number;
  /** In all: those of DuckDB, and those that the workers share. */
  readonly threads: number;
  /** Timed runs of each query on each side, after one that checks the answers and warms both up. */
  readonly runs: number;
  readonly queries: readonly BenchmarkQuery[];
  readonly sessionProperties: Readonly<Record<string, string>>;
  readonly jsonFile: string | undefined;
}

export const USAGE = `usage: npm run bench:tpch -- [options]
  --scale N          TPC-H scale factor (1)
  --workers N        worker processes (2)
  --threads N        threads of DuckDB, shared out among the workers (all cores)
  --runs N           timed runs of each query (3)
  --queries q01,q05  only these
  --set NAME=VALUE   session property; repeatable
  --json FILE        write the report there`;

/** @throws when an argument is unknown or has no sense. */
export function parseTpchArguments(argv: readonly string[]): TpchArguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      scale: { type: 'string', default: '1' },
      workers: { type: 'string', default: '2' },
      threads: { type: 'string', default: String(availableParallelism()) },
      runs: { type: 'string', default: '3' },
      queries: { type: 'string' },
      set: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
    },
  });
  return {
    scale: positive('scale', values.scale),
    workers: whole('workers', values.workers),
    threads: whole('threads', values.threads),
    runs: whole('runs', values.runs),
    queries: benchmarkQueries('tpch', values.queries),
    sessionProperties: Object.fromEntries(values.set.map(parseProperty)),
    jsonFile: values.json,
  };
}
