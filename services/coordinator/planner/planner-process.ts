import type { Clock } from '../../common/clock.ts';
import type { ErrorCode } from '../../common/error.ts';
import { EngineError } from '../../common/error.ts';
import type { ExitReport } from '../../common/process/role-process.ts';
import { RoleProcess } from '../../common/process/role-process.ts';
import { PlannerClient } from '../rpc/planner-client.ts';

export interface PlannerProcessOptions {
  /** The planner's module in dist/. */
  readonly entry: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** unix:PATH or host:port that the planner is told to listen on. */
  readonly address: string;
  readonly memoryLimitBytes: number;
  /** Takes what the planner writes to standard error. */
  readonly onStderr: (text: string) => void;
  readonly clock: Clock;
}

const MAX_LAST_WORDS_LENGTH = 500;
/** The exit code of a role that was given a wrong configuration: another start would not mend it. */
const WRONG_CONFIGURATION = 2;

/** One run of a planner's process, and why it ended. */
export class PlannerProcess {
  readonly #process: RoleProcess;
  readonly #client: PlannerClient;
  #lastWords = '';
  #killedFor: EngineError | undefined;
  #hasEnded = false;
  /** Rejects when the process ends before it is ready. */
  readonly ready: Promise<PlannerClient>;
  /** The error of what it was doing at its end. */
  readonly ended: Promise<EngineError>;

  constructor(options: PlannerProcessOptions) {
    const { address, clock, onStderr } = options;
    this.#process = new RoleProcess({
      entry: options.entry,
      args: [`--planner-listen=${address}`, ...options.args],
      environment: options.environment,
      memoryLimitBytes: options.memoryLimitBytes,
      onStderr: (text) => {
        this.#lastWords = `${this.#lastWords}${text}`.slice(-MAX_LAST_WORDS_LENGTH);
        onStderr(text);
      },
      clock,
    });
    this.#client = new PlannerClient(address, clock);
    this.ended = this.#process.exited.then((exit) => this.#explain(exit));
    const endedEarly = this.ended.then((error) => Promise.reject(error));
    this.ready = Promise.race([this.#process.ready.then(() => this.#client), endedEarly]);
    this.ready.catch(() => undefined);
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Ends it at once; `reason` is then the error of what it was doing. */
  kill(code: ErrorCode, reason: string): void {
    this.#killedFor ??= new EngineError(code, reason);
    this.#process.kill();
  }

  async stop(graceMs: number): Promise<void> {
    await this.#process.stop(graceMs);
  }

  #explain(exit: ExitReport): EngineError {
    this.#hasEnded = true;
    this.#client.close();
    if (this.#killedFor !== undefined) return this.#killedFor;
    const what = `the planner process ${exit.cause}`;
    if (exit.exceededMemory) return new EngineError('PLANNING_OUT_OF_MEMORY', what);
    const words = this.#lastWords.trim();
    const message = words === '' ? what : `${what}; its last words: ${words}`;
    const isMisconfigured = exit.exitCode === WRONG_CONFIGURATION;
    return new EngineError(isMisconfigured ? 'INVALID_CONFIGURATION' : 'PLANNER_FAILED', message);
  }
}
