/**
 * The directory of one run of a worker, for everything that spills. A run listens on a socket in it as long as it lives,
 * so that a later run on the same machine can tell what a killed one left behind, in whatever container either runs.
 */
import {
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  closeSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../common/clock.ts';
import { EngineError } from '../../common/error.ts';
import type { Logger } from '../../common/logger.ts';

/** `skein-<host>-<start of its machine>-<run>` */
const NAME = /^skein-(.+)-([0-9a-f]{12}|unknown)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const SOCKET = 'alive';
/** Of runs that began before the machine did: nobody answers for them, and two machines may have one name. */
const MAX_IDLE_MS = 24 * 60 * 60 * 1000;

export interface RunDirectory {
  readonly path: string;
  /** Removes it with all that is in it. */
  close(): Promise<void>;
}

/**
 * Makes the directory of a run; `runId` is a UUID.
 * @throws EngineError INVALID_CONFIGURATION when it cannot be made there
 */
export async function openRunDirectory(
  spillDirectory: string,
  runId: string,
): Promise<RunDirectory> {
  const path = join(spillDirectory, `skein-${ownHost()}-${machineStart()}-${runId}`);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    // On systems and disks without such sockets nobody sweeps: a run that does not listen is taken to live.
    const stopListening = await listenIn(path).catch(() => undefined);
    const close = async (): Promise<void> => {
      await stopListening?.();
      rmSync(path, { recursive: true, force: true });
    };
    return { path, close };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError('INVALID_CONFIGURATION', `nothing can spill to ${path}: ${reason}`, {
      cause,
    });
  }
}

/**
 * Removes directories of runs that are gone. Left alone are those of other hosts, which may share the disk, of other
 * users, of runs that live, and of those that cannot be asked and were used within a day.
 */
export async function sweepDeadRuns(
  spillDirectory: string,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): Promise<void> {
  for (const name of namesIn(spillDirectory)) {
    const [, host, start] = NAME.exec(name) ?? [];
    if (host !== ownHost() || start === undefined) continue;
    const path = join(spillDirectory, name);
    try {
      const stats = lstatSync(path);
      if (!stats.isDirectory() || stats.uid !== process.getuid?.()) continue;
      const isDead =
        start === machineStart()
          ? await isDeserted(path)
          : clock.now() - lastUseOf(path) > MAX_IDLE_MS;
      if (!isDead) continue;
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

/** Milliseconds since 1970. */
function lastUseOf(directory: string): number {
  const entries = readdirSync(directory).map((name) => join(directory, name));
  return Math.max(...[directory, ...entries].map((path) => lstatSync(path).mtimeMs));
}

async function listenIn(directory: string): Promise<() => Promise<void>> {
  const server = createServer((socket) => socket.destroy());
  await withShortPath(directory, async (path) => {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  });
  server.unref();
  return async () => await new Promise((resolve) => server.close(() => resolve()));
}

/** Nobody listens in it. What cannot be asked is taken to live. */
async function isDeserted(directory: string): Promise<boolean> {
  return await withShortPath(directory, async (path) => {
    return await new Promise<boolean>((resolve) => {
      const socket = connect(path);
      socket.once('connect', () => {
        socket.destroy();
        resolve(false);
      });
      socket.once('error', (error: NodeJS.ErrnoException) => {
        resolve(error.code === 'ECONNREFUSED');
      });
    });
  });
}

/** The names of sockets have at most 107 bytes; by way of an open folder, which Linux has, any name is short. */
async function withShortPath<T>(directory: string, use: (path: string) => Promise<T>): Promise<T> {
  const folder = openSync(directory, 'r');
  try {
    return await use(`/proc/self/fd/${folder}/${SOCKET}`);
  } finally {
    closeSync(folder);
  }
}

function ownHost(): string {
  return hostname().replaceAll(/[^A-Za-z0-9]/g, '_');
}

/** Tells this start of the machine from others, and from those of other machines. */
function machineStart(): string {
  try {
    const id = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
    return id.replaceAll('-', '').slice(0, 12);
  } catch {
    return 'unknown';
  }
}
