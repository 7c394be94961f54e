/** A role's process as a child: started from dist/, ready by its one line, ended with its parent, explained. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Clock } from '../clock.ts';
import { EngineError } from '../error.ts';
import { supervisedEnvironment } from './config.ts';
import { countOomKills, limitedCommand } from './memory-evidence.ts';
import { ResidentMemory } from './resident-memory.ts';

export interface RoleProcessOptions {
  /** The module to run, in dist/. */
  readonly entry: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Resident memory above this ends the process; 0 = no limit. */
  readonly memoryLimitBytes?: number;
  /** Takes what the process writes to standard error; without it, that goes to ours. */
  readonly onStderr?: (text: string) => void;
  readonly clock: Clock;
}

/** How a process ended, with words for people. */
export interface ExitReport {
  readonly processId: number;
  /** null when a signal ended it, or when it could not be started. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** By its own limit or, as far as can be told, by the kernel for want of memory. */
  readonly exceededMemory: boolean;
  /** "exited with code 1", "killed by SIGKILL (peak memory 1.2 GiB)" … */
  readonly cause: string;
}

/**
 * Pages live outside of V8's heap but count for its collections: with the small heap that node starts with, moving
 * them makes it collect all the time (bench/micro/exchange-stream).
 */
const NODE_FLAGS: readonly string[] = ['--initial-old-space-size=128'];

/** One run of a role's process. It ends when this process does, even if that is killed. */
export class RoleProcess {
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  readonly #memory: ResidentMemory;
  readonly #oomKillsBefore = countOomKills();
  #isKilledByUs = false;
  /** host:port (or unix:PATH); rejects when the process ends before it is ready. */
  readonly ready: Promise<string>;
  readonly exited: Promise<ExitReport>;

  constructor(options: RoleProcessOptions) {
    const { entry, args, environment = {}, memoryLimitBytes = 0, onStderr, clock } = options;
    this.#clock = clock;
    const [command = '', ...rest] = limitedCommand(
      [process.execPath, ...NODE_FLAGS, ...heapFlags(memoryLimitBytes), entry, ...args],
      memoryLimitBytes,
    );
    this.#child = spawn(command, rest, {
      // An open standard input tells the child that its parent lives.
      stdio: ['pipe', 'pipe', onStderr === undefined ? 'inherit' : 'pipe'],
      env: supervisedEnvironment(environment),
    });
    this.#child.stdin?.on('error', () => undefined);
    if (onStderr !== undefined) this.#child.stderr?.setEncoding('utf8').on('data', onStderr);
    this.#memory = new ResidentMemory({
      processId: this.#child.pid ?? 0,
      limitBytes: memoryLimitBytes,
      clock,
      onExceeded: () => this.kill(),
    });
    this.exited = this.#awaitExit();
    this.ready = this.#awaitReady();
    this.ready.catch(() => undefined);
  }

  get processId(): number {
    return this.#child.pid ?? 0;
  }

  /** Asks for an end in order; forces it after `graceMs`. */
  async stop(graceMs: number): Promise<ExitReport> {
    this.#child.kill('SIGTERM');
    const cancel = this.#clock.schedule(graceMs, () => this.kill());
    try {
      return await this.exited;
    } finally {
      cancel();
    }
  }

  kill(): void {
    this.#isKilledByUs = true;
    this.#child.kill('SIGKILL');
  }

  async #awaitExit(): Promise<ExitReport> {
    const [exitCode, signal, startError] = await this.#awaitEnd();
    this.#memory.stop();
    const { peakBytes, exceeded, isShortOfData } = this.#memory;
    const isOomKill =
      signal === 'SIGKILL' && !this.#isKilledByUs && countOomKills() > this.#oomKillsBefore;
    // V8 and DuckDB abort when they are given no more.
    const isStarved = signal === 'SIGABRT' && isShortOfData;
    const cause = [
      startError ?? (signal === null ? `exited with code ${exitCode}` : `killed by ${signal}`),
      ...(exceeded ? ['for exceeding its memory limit'] : []),
      ...(isStarved ? ['for want of memory within its limit'] : []),
      ...(isOomKill ? ['by the kernel, out of memory'] : []),
      ...(peakBytes === 0 ? [] : [`(peak memory ${(peakBytes / 1024 ** 2).toFixed(0)} MiB)`]),
    ].join(' ');
    const exceededMemory = exceeded || isOomKill || isStarved;
    return { processId: this.processId, exitCode, signal, exceededMemory, cause };
  }

  /** After its end, or when it cannot be started. Waits until all that it wrote has arrived. */
  #awaitEnd(): Promise<[number | null, NodeJS.Signals | null, string?]> {
    return new Promise((resolve) => {
      this.#child.once('error', (error) =>
        resolve([null, null, `could not be started: ${error.message}`]),
      );
      this.#child.once('close', (exitCode, signal) => resolve([exitCode, signal]));
    });
  }

  async #awaitReady(): Promise<string> {
    const { stdout } = this.#child;
    if (stdout === null)
      throw new EngineError('INTERNAL_ERROR', 'the child has no standard output');
    const lines = createInterface({ input: stdout });
    const address = new Promise<string>((resolve) => {
      lines.on('line', (line) => {
        const found = readyAddress(line);
        if (found !== undefined) resolve(found);
      });
    });
    const failed = this.exited.then((report) => {
      throw new EngineError(
        'INTERNAL_ERROR',
        `the process ended before it was ready: ${report.cause}`,
        {
          details: { exit_code: String(report.exitCode) },
        },
      );
    });
    return await Promise.race([address, failed]);
  }
}

/** V8 aborts a process at a heap limit of its own; where the process has a limit, that one is to come first and be named. */
function heapFlags(memoryLimitBytes: number): readonly string[] {
  if (memoryLimitBytes === 0) return [];
  return [`--max-old-space-size=${Math.ceil(memoryLimitBytes / 1024 ** 2)}`];
}

function readyAddress(line: string): string | undefined {
  try {
    const message = JSON.parse(line) as { readonly ready?: unknown; readonly address?: unknown };
    return message.ready === true && typeof message.address === 'string'
      ? message.address
      : undefined;
  } catch {
    return undefined;
  }
}
