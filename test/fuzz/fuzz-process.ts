/** The parent's side of a process of the fuzzer: DuckDB may crash, and takes a process with it, never the run. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Trial } from './fuzz-run.ts';

const ENTRY = fileURLToPath(new URL('process-main.js', import.meta.url));
/** Statements leave much behind that is soon of no use. */
const NODE_OPTIONS = ['--enable-source-maps', '--max-semi-space-size=32'];

export interface SeedRequest {
  readonly seed: number;
  /** On plain DuckDB alone. */
  readonly isPlain: boolean;
}

/** After the trial of a seed, and once before all of them. */
export interface SeedReport {
  /** Undefined where there is nothing to compare. */
  readonly trial: Trial | undefined;
  /** CPU time of the process until now. */
  readonly cpuMs: number;
}

/** Of the process, as arguments. */
export interface ProcessOptions {
  /** With the fuzz tables. */
  readonly directory: string;
  readonly inCluster: boolean;
  /** Outcomes with this text are findings too. */
  readonly hunted: string;
}

export class FuzzProcess {
  readonly #process: ChildProcess;
  #cpuMs = 0;

  private constructor(child: ChildProcess) {
    this.#process = child;
  }

  static async start(options: ProcessOptions): Promise<FuzzProcess> {
    const started = new FuzzProcess(
      fork(ENTRY, processArguments(options), { execArgv: NODE_OPTIONS }),
    );
    const report = await started.#report();
    if (report === 'crashed') throw new Error('a process of the fuzzer does not start');
    return started;
  }

  /** CPU time of the process until its last report. */
  get cpuMs(): number {
    return this.#cpuMs;
  }

  async ask(request: SeedRequest): Promise<SeedReport | 'crashed'> {
    this.#process.send(request);
    return await this.#report();
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.disconnect();
    await ended;
  }

  async #report(): Promise<SeedReport | 'crashed'> {
    const ended = new AbortController();
    const { signal } = ended;
    try {
      const [report] = (await Promise.race([
        once(this.#process, 'message', { signal }),
        once(this.#process, 'exit', { signal }).then(() => ['crashed']),
      ])) as [SeedReport | 'crashed'];
      if (report !== 'crashed') this.#cpuMs = report.cpuMs;
      return report;
    } finally {
      ended.abort();
    }
  }
}

function processArguments({ directory, inCluster, hunted }: ProcessOptions): readonly string[] {
  return ['--directory', directory, `--hunt=${hunted}`, ...(inCluster ? ['--cluster'] : [])];
}
