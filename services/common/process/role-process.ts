/** A role's process as a child: started from dist/, ready by its one line, ended with its parent, explained. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Clock } from '../clock.ts';
import { EngineError } from '../error.ts';
import { ResidentMemory } from './resident-memory.ts';
import { SUPERVISED_VARIABLE } from './run-as-process.ts';

export interface RoleProcessOptions {
  /** The module to run, in dist/. */
  readonly entry: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Resident memory above this ends the process; 0 = no limit. */
  readonly memoryLimitBytes?: number;
  readonly clock: Clock;
}

/** How a process ended, with words for people. */
export interface ExitReport {
  readonly processId: number;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly exceededMemory: boolean;
  /** "exited with code 1", "killed by SIGKILL (peak memory 1.2 GiB)" … */
  readonly cause: string;
}

/** The largest number of threads that DuckDB statements and file reads of one process hold at once. */
const THREAD_POOL_SIZE = '64';

/** One run of a role's process. It ends when this process does, even if that is killed. */
export class RoleProcess {
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  readonly #memory: ResidentMemory;
  /** host:port (or unix:PATH); rejects when the process ends before it is ready. */
  readonly ready: Promise<string>;
  readonly exited: Promise<ExitReport>;

  constructor(options: RoleProcessOptions) {
    this.#clock = options.clock;
    this.#child = spawn(process.execPath, [options.entry, ...options.args], {
      // An open standard input tells the child that its parent lives.
      stdio: ['pipe', 'pipe', 'inherit'],
      env: {
        ...process.env,
        UV_THREADPOOL_SIZE: THREAD_POOL_SIZE,
        ...options.environment,
        [SUPERVISED_VARIABLE]: '1',
      },
    });
    this.#child.stdin?.on('error', () => undefined);
    this.#memory = new ResidentMemory({
      processId: this.#child.pid ?? 0,
      limitBytes: options.memoryLimitBytes ?? 0,
      clock: options.clock,
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
    this.#child.kill('SIGKILL');
  }

  async #awaitExit(): Promise<ExitReport> {
    const spawned = once(this.#child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    const [exitCode, signal] = await spawned;
    this.#memory.stop();
    const { peakBytes, exceeded } = this.#memory;
    const end = signal === null ? `exited with code ${exitCode}` : `killed by ${signal}`;
    const peak = `peak memory ${(peakBytes / 1024 ** 2).toFixed(0)} MiB`;
    const cause = exceeded ? `${end} for exceeding its memory limit (${peak})` : `${end} (${peak})`;
    return { processId: this.processId, exitCode, signal, exceededMemory: exceeded, cause };
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
