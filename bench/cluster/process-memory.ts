import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

export interface ProcessMemory {
  readonly processId: number;
  /** coordinator, worker, …, from the command line. */
  readonly role: string;
  /** Highest resident memory since the last reset. */
  readonly peakBytes: number;
}

/** Peak resident memory of a process and all its descendants. Linux only: elsewhere the list is empty. */
export function treeMemory(rootProcessId: number): readonly ProcessMemory[] {
  return processTree(rootProcessId).flatMap((processId) => {
    const status = readProc(`${processId}/status`);
    const peakKib = /^VmHWM:\s+(\d+) kB$/m.exec(status ?? '')?.[1];
    if (peakKib === undefined) return [];
    return [{ processId, role: roleOf(processId), peakBytes: Number(peakKib) * 1024 }];
  });
}

/** Forgets the peaks so far, so that the next `treeMemory` tells of what happens from now on. */
export function resetPeaks(rootProcessId: number): void {
  for (const processId of processTree(rootProcessId)) {
    try {
      writeFileSync(`/proc/${processId}/clear_refs`, '5');
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

/** Ticks of `/proc/…/stat`: the kernel's USER_HZ. */
const TICKS_PER_SECOND = 100;

/** Processor time that a process and all its living descendants have taken so far. Linux only: elsewhere 0. */
export function treeCpuSeconds(rootProcessId: number): number {
  const ticks = processTree(rootProcessId).map((processId) => {
    const fields = (readProc(`${processId}/stat`) ?? '').replace(/^.*\) /s, '').split(' ');
    return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  });
  return ticks.reduce((sum, each) => sum + each, 0) / TICKS_PER_SECOND;
}

function processTree(rootProcessId: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of listProcesses()) {
    // pid (name, which may hold anything) state parent …
    const parent = /\) \S (\d+) /.exec(readProc(`${name}/stat`) ?? '')?.[1];
    if (parent === undefined) continue;
    children.set(Number(parent), [...(children.get(Number(parent)) ?? []), Number(name)]);
  }
  const descend = (processId: number): readonly number[] => [
    processId,
    ...(children.get(processId) ?? []).flatMap(descend),
  ];
  return children.size === 0 ? [] : descend(rootProcessId);
}

function roleOf(processId: number): string {
  const args = (readProc(`${processId}/cmdline`) ?? '').split('\0');
  const main = args.map((arg) => /services\/(\w+)\/.*main\.js$/.exec(arg)?.[1]);
  const role = main.find((name) => name !== undefined && name !== 'cli');
  const command = args[args.findIndex((arg) => arg.endsWith('bin/skein.js')) + 1];
  return role ?? command ?? 'unknown';
}

function listProcesses(): readonly string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** Processes come and go while their files are read. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESRCH';
}
