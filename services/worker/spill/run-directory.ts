/**
 * The directory of one run of a worker, for everything that spills. Its name says whose it is, so that a later
 * run on the same machine can remove what a killed one left behind.
 */
import { randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '../../common/logger.ts';

/** `skein-<host>-<process id>-<token of the process>-<run>` */
const NAME = /^skein-(.+)-(\d+)-([0-9a-f]{8})-[0-9a-f-]{36}$/;
/** Tells this process from earlier ones of its number, such as those of a container that starts again. */
const OWN_TOKEN = randomBytes(4).toString('hex');

/** `runId` tells apart the workers of one process; a UUID. */
export function runDirectory(spillDirectory: string, runId: string): string {
  return join(spillDirectory, `skein-${ownHost()}-${process.pid}-${OWN_TOKEN}-${runId}`);
}

/**
 * Removes directories of runs whose process is gone. Left alone are those of other hosts, which may share the
 * disk and whose processes nobody here can see, of other users, and of processes that live.
 */
export function sweepDeadRuns(spillDirectory: string, log: Logger): void {
  for (const name of namesIn(spillDirectory)) {
    if (!isDeadRun(name)) continue;
    const path = join(spillDirectory, name);
    try {
      const stats = lstatSync(path);
      if (!stats.isDirectory() || stats.uid !== process.getuid?.()) continue;
      rmSync(path, { recursive: true, force: true });
      log.info({ path }, 'removed what a killed worker had spilled');
    } catch (error) {
      // Another worker may be at it too; what is left is for the next start.
      log.warn({ path, err: error }, 'what a killed worker had spilled cannot be removed');
    }
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    // There is none yet, or the first to spill will complain of it.
    return [];
  }
}

function isDeadRun(name: string): boolean {
  const [, host, pid, token] = NAME.exec(name) ?? [];
  if (host !== ownHost() || pid === undefined) return false;
  if (Number(pid) === process.pid) return token !== OWN_TOKEN;
  return !isAlive(Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

function ownHost(): string {
  return hostname().replaceAll(/[^A-Za-z0-9]/g, '_');
}
