import type { Clock } from '../../common/clock.ts';
import { EngineError } from '../../common/error.ts';
import type { Logger } from '../../common/logger.ts';
import type { QueryPlan } from '../../common/plan/plan-fragment.ts';
import type { Planner, PlanRequest } from '../query/ports.ts';
import type { PlannerCallOptions, PlannerClient } from '../rpc/planner-client.ts';
import type { PlannerProcess } from './planner-process.ts';

export interface PlannerPoolOptions {
  readonly processCount: number;
  /** Planning one statement may take so long. */
  readonly timeoutMs: number;
  /** Starts another planner process. */
  readonly startProcess: () => PlannerProcess;
}

export interface PlannerPoolDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

/** A plan that nobody waits for may go on so long; then its process is killed, for a statement can plan for ever. */
const CANCEL_GRACE_MS = 250;
const FIRST_RESTART_DELAY_MS = 50;
const MAX_RESTART_DELAY_MS = 5_000;
/** Tries of a plan whose process died without a reason that lies in the plan. */
const MAX_ATTEMPTS = 2;
/** The call to a dying process may fail before the process's end is known. */
const END_NOTICE_MS = 500;

interface Waiting {
  readonly take: (process: PlannerProcess) => void;
  readonly fail: (error: unknown) => void;
}

/** Planner processes, each with one statement at a time. They are replaced when they end, and killed when they stall. */
export class PlannerPool implements Planner {
  readonly #options: PlannerPoolOptions;
  readonly #deps: PlannerPoolDeps;
  readonly #closing = new AbortController();
  readonly #processes = new Set<PlannerProcess>();
  readonly #keepers: Promise<void>[];
  #idle: PlannerProcess[] = [];
  #waiting = new Set<Waiting>();
  /** Why there will never be a planner. */
  #defect: EngineError | undefined;
  #lastFailure: EngineError | undefined;
  #onReady: () => void = () => undefined;
  #onDefect: (error: EngineError) => void = () => undefined;
  /** Resolves with the first process that can plan; rejects when there will never be one. */
  readonly ready: Promise<void>;

  constructor(options: PlannerPoolOptions, deps: PlannerPoolDeps) {
    this.#options = options;
    this.#deps = deps;
    this.ready = new Promise((resolve, reject) => {
      this.#onReady = resolve;
      this.#onDefect = reject;
    });
    this.ready.catch(() => undefined);
    this.#keepers = Array.from({ length: options.processCount }, () => this.#keepOne());
  }

  async plan(request: PlanRequest, signal: AbortSignal): Promise<QueryPlan> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#use((client, options) => client.plan(request, options), signal);
      } catch (error) {
        signal.throwIfAborted();
        const code = error instanceof EngineError ? error.code : undefined;
        if (code === 'OUT_OF_MEMORY') {
          throw new EngineError(
            'PLANNING_OUT_OF_MEMORY',
            'planning the statement takes too much memory',
            {
              cause: error,
            },
          );
        }
        if (code !== 'PLANNER_FAILED' || attempt === MAX_ATTEMPTS) throw error;
        this.#deps.log.warn(
          { queryId: request.queryId, err: error },
          'a statement is planned again',
        );
      }
    }
  }

  /** Runs a short call on a planner. */
  call<T>(
    work: (client: PlannerClient, options: PlannerCallOptions) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    return this.#use(work, signal);
  }

  async close(graceMs: number): Promise<void> {
    const error = new EngineError('SHUTTING_DOWN', 'the coordinator is shutting down');
    this.#closing.abort(error);
    this.#failWaiting(error);
    await Promise.all([...this.#processes].map((process) => process.stop(graceMs)));
    await Promise.all(this.#keepers);
  }

  /** The caller waits until `signal` is aborted at most; the process is free again only when the work is over. */
  async #use<T>(
    work: (client: PlannerClient, options: PlannerCallOptions) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const process = await this.#acquire(signal);
    if (signal.aborted) {
      this.#release(process);
      throw signal.reason;
    }
    const { clock } = this.#deps;
    const { timeoutMs } = this.#options;
    const cancelDeadline = clock.schedule(timeoutMs, () =>
      process.kill(
        'PLANNING_TIMEOUT',
        `planning takes longer than planner_timeout (${timeoutMs} ms)`,
      ),
    );
    let cancelKill: () => void = () => undefined;
    const onAbort = (): void => {
      cancelKill = clock.schedule(CANCEL_GRACE_MS, () =>
        process.kill('QUERY_CANCELLED', 'nobody waits for the plan'),
      );
    };
    signal.addEventListener('abort', onAbort, { once: true });
    const result = this.#run(process, work).finally(() => {
      cancelDeadline();
      cancelKill();
      signal.removeEventListener('abort', onAbort);
      this.#release(process);
    });
    return await unlessAborted(result, signal);
  }

  async #run<T>(
    process: PlannerProcess,
    work: (client: PlannerClient, options: PlannerCallOptions) => Promise<T>,
  ): Promise<T> {
    // Not the caller's signal: a call that is left cannot be seen to end.
    const { signal } = new AbortController();
    const timeoutMs = 2 * this.#options.timeoutMs;
    try {
      return await work(await process.ready, { timeoutMs, signal });
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'PLANNER_FAILED') throw error;
      throw (await this.#endOf(process)) ?? error;
    }
  }

  /** Why the process ended, if it did. */
  async #endOf(process: PlannerProcess): Promise<EngineError | undefined> {
    const timer = new AbortController();
    const late = this.#deps.clock.sleep(END_NOTICE_MS, timer.signal).then(
      () => undefined,
      () => undefined,
    );
    const error = await Promise.race([process.ended, late]);
    timer.abort();
    return error;
  }

  #acquire(signal: AbortSignal): Promise<PlannerProcess> {
    signal.throwIfAborted();
    if (this.#closing.signal.aborted) return Promise.reject(this.#closing.signal.reason);
    const idle = this.#idle.pop();
    if (idle !== undefined) return Promise.resolve(idle);
    if (this.#defect !== undefined) return Promise.reject(this.#defect);
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#waiting.delete(waiting);
        cancelTimer();
        signal.removeEventListener('abort', onAbort);
      };
      const waiting: Waiting = {
        take: (process) => (settle(), resolve(process)),
        fail: (error) => (settle(), reject(error)),
      };
      const onAbort = (): void => waiting.fail(signal.reason);
      const cancelTimer = this.#deps.clock.schedule(this.#options.timeoutMs, () =>
        waiting.fail(this.#noPlanner()),
      );
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(waiting);
    });
  }

  #noPlanner(): EngineError {
    const why = this.#lastFailure === undefined ? 'all are busy' : this.#lastFailure.message;
    const { timeoutMs } = this.#options;
    return new EngineError(
      'PLANNING_TIMEOUT',
      `no planner was free within ${timeoutMs} ms: ${why}`,
    );
  }

  #release(process: PlannerProcess): void {
    if (process.hasEnded) return;
    const [next] = this.#waiting;
    if (next === undefined) this.#idle.push(process);
    else next.take(process);
  }

  #failWaiting(error: EngineError): void {
    for (const waiting of this.#waiting) waiting.fail(error);
  }

  /** Keeps one process running until the pool is closed. */
  async #keepOne(): Promise<void> {
    let delayMs = FIRST_RESTART_DELAY_MS;
    while (!this.#closing.signal.aborted) {
      const process = this.#options.startProcess();
      this.#processes.add(process);
      const wasReady = await process.ready.then(
        () => true,
        () => false,
      );
      if (wasReady) {
        this.#onReady();
        this.#release(process);
      }
      const error = await process.ended;
      this.#processes.delete(process);
      this.#idle = this.#idle.filter((idle) => idle !== process);
      if (this.#closing.signal.aborted) return;
      this.#lastFailure = error;
      this.#deps.log.warn({ code: error.code, cause: error.message }, 'a planner process ended');
      if (!wasReady && error.code === 'INVALID_CONFIGURATION') {
        this.#defect = error;
        this.#onDefect(error);
        return this.#failWaiting(error);
      }
      // Nobody is left to wait for: the next start will hardly go better.
      if (!wasReady && this.#processes.size === 0) this.#failWaiting(error);
      delayMs = wasReady ? FIRST_RESTART_DELAY_MS : Math.min(2 * delayMs, MAX_RESTART_DELAY_MS);
      await this.#sleep(delayMs);
    }
  }

  async #sleep(durationMs: number): Promise<void> {
    await this.#deps.clock.sleep(durationMs, this.#closing.signal).catch(() => undefined);
  }
}

/** The result, or the signal's reason as soon as it is aborted. */
function unlessAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    result.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
