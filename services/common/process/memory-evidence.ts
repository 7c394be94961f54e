/** What the operating system says of memory: limits of a process, and whether it was the kernel that ended one. */
import { readFileSync } from 'node:fs';

/**
 * Room beside the limit for what counts as data without being used: the stacks of threads, above all. A process that
 * grows by more than this between two looks at its resident memory is stopped by the kernel instead.
 */
const DATA_SLACK_BYTES = 1024 ** 3;

/**
 * The command that runs `command` so that its data cannot grow far beyond `limitBytes` (RLIMIT_DATA; V8's address space is
 * mostly not data, so this limit suits it): an allocation above it fails inside the process. Only Linux counts
 * mapped memory; elsewhere the command stays as it is.
 */
export function limitedCommand(command: readonly string[], limitBytes: number): readonly string[] {
  if (process.platform !== 'linux' || limitBytes === 0) return command;
  const kibibytes = Math.ceil((limitBytes + DATA_SLACK_BYTES) / 1024);
  return ['/bin/sh', '-c', `ulimit -d ${kibibytes}; exec "$@"`, 'sh', ...command];
}

/** How many processes the kernel has ended for want of memory, here and on the machine; compared before and after. */
export function countOomKills(): number {
  return sumOf('/proc/vmstat', 'oom_kill') + sumOf('/sys/fs/cgroup/memory.events', 'oom_kill');
}

function sumOf(path: string, field: string): number {
  return Number(new RegExp(`^${field} (\\d+)$`, 'm').exec(read(path))?.[1] ?? 0);
}

/** '' where there is no such file: not every system has the counters. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
