/** What DuckDB measures of a statement when it is asked to: exact where looking now and then is not. */
import type { MemoryUsage } from './memory-watch.ts';

/** The statement runs as it is; its one answer is the profile, in the second column. */
export function profiledStatement(sql: string): string {
  return `EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`;
}

export function readProfile(json: string): MemoryUsage {
  const profile = JSON.parse(json) as Readonly<Record<string, unknown>>;
  return {
    peakMemoryBytes: count(profile['system_peak_buffer_memory']),
    spilledBytes: count(profile['system_peak_temp_dir_size']),
  };
}

function count(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
