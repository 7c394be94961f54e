/** What a supervisor and the processes of roles tell each other by their environment. */

/** A supervisor sets this for its children; a process on a terminal keeps running when its input ends. */
const SUPERVISED_VARIABLE = 'SKEIN_SUPERVISED';

/** The largest number of threads that DuckDB statements and file reads of one process hold at once. */
const THREAD_POOL_SIZE = '64';

export function isSupervised(): boolean {
  return process.env[SUPERVISED_VARIABLE] !== undefined;
}

/** The environment of a supervised child: this process's own, and `additions`. */
export function supervisedEnvironment(
  additions: Readonly<Record<string, string>>,
): Record<string, string | undefined> {
  return {
    ...process.env,
    UV_THREADPOOL_SIZE: THREAD_POOL_SIZE,
    ...additions,
    [SUPERVISED_VARIABLE]: '1',
  };
}
