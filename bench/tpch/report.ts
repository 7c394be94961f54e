import type { ProcessMemory } from '../cluster/process-memory.ts';

/** What one query did on both sides; `error` instead of figures when Skein failed or answered otherwise. */
export interface QueryReport {
  readonly query: string;
  readonly error?: string;
  /** Medians of the timed runs. */
  readonly skein_seconds?: number;
  readonly duckdb_seconds?: number;
  /** Skein ÷ DuckDB. */
  readonly ratio?: number;
  readonly skein_runs?: readonly number[];
  readonly duckdb_runs?: readonly number[];
  readonly rows?: number;
  readonly rung?: string;
  readonly exchange_bytes?: number;
  /** Peak resident memory during the query: the sum over Skein's processes, the largest of them, DuckDB's. */
  readonly skein_peak_bytes?: number;
  readonly skein_largest_process_bytes?: number;
  readonly duckdb_peak_bytes?: number;
}

export interface TpchReport {
  readonly date: string;
  readonly scale: number;
  readonly workers: number;
  readonly threads: number;
  readonly runs: number;
  readonly session_properties: Readonly<Record<string, string>>;
  readonly node_version: string;
  readonly duckdb_version: string;
  readonly cpu: string;
  readonly queries: readonly QueryReport[];
  /** Queries that failed or whose answers differ. */
  readonly failed: readonly string[];
  readonly skein_total_seconds: number;
  readonly duckdb_total_seconds: number;
  /** Skein's total ÷ DuckDB's; null when a query failed, since a total without it would flatter. */
  readonly total_ratio: number | null;
  readonly exchange_bytes: number;
  /** Skein's processes with their highest resident memory over all queries. */
  readonly processes: readonly ProcessPeak[];
}

export interface ProcessPeak {
  readonly role: string;
  readonly process_id: number;
  readonly peak_bytes: number;
}

export type ReportHeader = Pick<
  TpchReport,
  | 'date'
  | 'scale'
  | 'workers'
  | 'threads'
  | 'runs'
  | 'session_properties'
  | 'node_version'
  | 'duckdb_version'
  | 'cpu'
>;

export function tpchReport(
  header: ReportHeader,
  queries: readonly QueryReport[],
  processes: readonly ProcessPeak[],
): TpchReport {
  const failed = queries.filter(({ error }) => error !== undefined).map(({ query }) => query);
  const skein = sum(queries.map(({ skein_seconds }) => skein_seconds));
  const duckdb = sum(queries.map(({ duckdb_seconds }) => duckdb_seconds));
  return {
    ...header,
    queries,
    failed,
    skein_total_seconds: skein,
    duckdb_total_seconds: duckdb,
    total_ratio: failed.length > 0 ? null : skein / duckdb,
    exchange_bytes: sum(queries.map(({ exchange_bytes }) => exchange_bytes)),
    processes,
  };
}

/** The highest peak that each process had in any of the samples. */
export function processPeaks(
  samples: readonly (readonly ProcessMemory[])[],
): readonly ProcessPeak[] {
  const peaks = new Map<number, ProcessPeak>();
  for (const { processId, role, peakBytes } of samples.flat()) {
    const highest = Math.max(peakBytes, peaks.get(processId)?.peak_bytes ?? 0);
    peaks.set(processId, { role, process_id: processId, peak_bytes: highest });
  }
  return [...peaks.values()];
}

export function median(values: readonly number[]): number {
  const ordered = values.toSorted((a, b) => a - b);
  const middle = ordered.length >> 1;
  const upper = ordered[middle] ?? Number.NaN;
  return ordered.length % 2 === 1 ? upper : ((ordered[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The report as a table for people. */
export function formatReport(report: TpchReport): string {
  const lines = report.queries.map((query) =>
    query.error === undefined ? figuresLine(query) : `${query.query}  ${query.error}`,
  );
  const ratio = report.total_ratio === null ? '-' : report.total_ratio.toFixed(2);
  const peaks = report.processes.map(({ role, peak_bytes }) => `${role} ${mebibytes(peak_bytes)}`);
  return [
    `TPC-H scale ${report.scale}, ${report.workers} workers, ${report.threads} threads, median of ${report.runs} runs`,
    'query   skein s  duckdb s   ratio  exchange MiB  peak MiB  rung',
    ...lines,
    `total  ${seconds(report.skein_total_seconds)} ${seconds(report.duckdb_total_seconds)} ${ratio.padStart(7)}`,
    `peak MiB by process: ${peaks.join(', ')}`,
    ...(report.failed.length > 0 ? [`FAILED: ${report.failed.join(', ')}`] : []),
  ].join('\n');
}

function figuresLine(query: QueryReport): string {
  return [
    query.query.padEnd(6),
    seconds(query.skein_seconds),
    seconds(query.duckdb_seconds),
    (query.ratio ?? 0).toFixed(2).padStart(7),
    mebibytes(query.exchange_bytes).padStart(13),
    mebibytes(query.skein_peak_bytes).padStart(9),
    ` ${query.rung ?? ''}`,
  ].join(' ');
}

const seconds = (value = 0): string => value.toFixed(3).padStart(9);
const mebibytes = (value = 0): string => (value / (1 << 20)).toFixed(1);
const sum = (values: readonly (number | undefined)[]): number =>
  values.reduce<number>((total, value) => total + (value ?? 0), 0);
