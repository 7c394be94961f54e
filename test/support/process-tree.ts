/** The processes that a test has started, as the operating system sees them. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ProcessEntry {
  readonly processId: number;
  readonly parentId: number;
  readonly command: readonly string[];
}

/** All descendants of a process; needs Linux. */
export function descendantsOf(processId: number): readonly ProcessEntry[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readEntry(Number(name)));
  const children = (parentId: number): readonly ProcessEntry[] =>
    all
      .filter((entry) => entry.parentId === parentId)
      .flatMap((entry) => [entry, ...children(entry.processId)]);
  return children(processId);
}

/** A process may end while it is looked at. */
function readEntry(processId: number): readonly ProcessEntry[] {
  try {
    const stat = readFileSync(`/proc/${processId}/stat`, 'latin1');
    const [state, parentId] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z') return [];
    const command = readFileSync(`/proc/${processId}/cmdline`, 'utf8').split('\0');
    return [{ processId, parentId: Number(parentId), command }];
  } catch {
    return [];
  }
}

/** The process of a role below `processId`; `argument` tells workers apart. */
export function roleProcess(
  processId: number | undefined,
  role: 'coordinator' | 'gateway' | 'planner' | 'worker',
  argument = '',
): ProcessEntry | undefined {
  return descendantsOf(processId ?? 0).find(
    ({ command }) =>
      command.some((part) => part.endsWith(`/services/${role}/main.js`)) &&
      (argument === '' || command.includes(argument)),
  );
}

/** Time that the processors have spent on a process, all threads together. */
export function processorSeconds(processId: number | undefined): number {
  const stat = readFileSync(`/proc/${processId}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // utime and stime, in hundredths of a second.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Asks again until the answer is there. */
export async function eventually<T>(
  ask: () => Promise<T | undefined> | T | undefined,
  what: string,
  timeoutMs = 20_000,
): Promise<T> {
  const endsAt = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > endsAt) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await sleep(50);
  }
}
