import { BoundedQueue } from '../../common/bounded-queue.ts';
import type { Clock } from '../../common/clock.ts';
import { toErrorReport } from '../../common/error.ts';
import type { QueryDescription, StageDetail } from '../scheduler/query-description.ts';
import { describeQuery, describeStages, hasLiveTasks } from '../scheduler/query-description.ts';
import { createQueryScheduler, onEvent } from '../scheduler/query-scheduler.ts';
import type { SchedulerEvent } from '../scheduler/scheduler-event.ts';
import type { QuerySchedulerInit } from '../scheduler/scheduler-options.ts';
import type { QuerySchedulerState } from '../scheduler/scheduler-state.ts';
import type { EffectRunnerDeps, TaskTerms } from './effect-runner.ts';
import { EffectRunner } from './effect-runner.ts';
import type { LoggedTurn, QueryLog } from './ports.ts';

export interface SchedulerLoopDeps extends Omit<EffectRunnerDeps, 'post'> {
  readonly queryLog: QueryLog;
  readonly clock: Clock;
}

/** Events that wait at most; one more ends the query, for a query that has missed a fact cannot be trusted. */
const MAILBOX_CAPACITY = 65_536;
/** Events that share one commit, and after which others have their turn. */
const MAX_BATCH = 64;

/**
 * One query's mailbox and the only writer of its scheduler's state: events in order → reducer → log → effects in order.
 * It goes on after the query's end until no worker is busy with a task of it, so that late statuses find their place.
 */
export class SchedulerLoop {
  readonly #deps: SchedulerLoopDeps;
  readonly #effects: EffectRunner;
  readonly #mailbox = new BoundedQueue<SchedulerEvent>(MAILBOX_CAPACITY);
  #state: QuerySchedulerState | undefined;
  #overflow: SchedulerEvent | undefined;
  #wake: (() => void) | undefined;
  #isClosed = false;

  constructor(deps: SchedulerLoopDeps, terms: TaskTerms) {
    this.#deps = deps;
    const post = (event: SchedulerEvent): void => this.post(event);
    this.#effects = new EffectRunner({ ...deps, post }, terms);
  }

  /** Takes a fact; it is worked on at the next turn. Facts about a query that is over are of no use. */
  post(event: SchedulerEvent): void {
    if (this.#isClosed) return;
    if (this.#mailbox.offer(event) === 'full') {
      const message = `more than ${MAILBOX_CAPACITY} events wait for the query's scheduler`;
      const error = { code: 'COORDINATOR_OVERLOADED', message } as const;
      this.#overflow ??= { kind: 'cancel-requested', error };
    }
    this.#wake?.();
  }

  describe(): QueryDescription | undefined {
    return this.#state === undefined ? undefined : describeQuery(this.#state);
  }

  describeStages(): readonly StageDetail[] {
    return this.#state === undefined ? [] : describeStages(this.#state);
  }

  /** Runs the query to its end and its tasks to theirs. Never rejects: what goes wrong fails the query. */
  async run(init: QuerySchedulerInit): Promise<void> {
    try {
      await this.#begin(init);
      while (!this.#isDone()) {
        const turns = this.#takeTurns();
        if (turns.length === 0) await this.#nextEvent();
        else await this.#commit(turns);
      }
    } catch (error) {
      this.#deps.log.error(
        { queryId: init.queryId, err: error },
        'the scheduler of a query failed',
      );
      this.#effects.abandon(toErrorReport(error));
    } finally {
      this.#isClosed = true;
      await this.#deps.queryLog.close();
    }
  }

  /** Stops waiting for the tasks of an ended query. */
  close(): void {
    this.#isClosed = true;
    this.#wake?.();
  }

  async #begin(init: QuerySchedulerInit): Promise<void> {
    const now = this.#deps.clock.now();
    const { state, effects } = createQueryScheduler(init, now);
    this.#state = state;
    await this.#commit([{ kind: 'created', now, init, effects }]);
  }

  #isDone(): boolean {
    if (this.#isClosed) return true;
    return this.#effects.isEnded && (this.#state === undefined || !hasLiveTasks(this.#state));
  }

  #takeTurns(): LoggedTurn[] {
    const turns: LoggedTurn[] = [];
    while (turns.length < MAX_BATCH) {
      const event = this.#overflow ?? this.#mailbox.poll();
      this.#overflow = undefined;
      if (event === undefined || this.#state === undefined) break;
      const now = this.#deps.clock.now();
      turns.push({ kind: 'event', now, event, effects: onEvent(this.#state, event, now) });
    }
    return turns;
  }

  async #commit(turns: readonly LoggedTurn[]): Promise<void> {
    await this.#deps.queryLog.append(turns);
    for (const turn of turns) {
      for (const effect of turn.effects) this.#effects.run(effect);
    }
    this.#deps.listener.onProgress();
    if (turns.length >= MAX_BATCH) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  async #nextEvent(): Promise<void> {
    await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#wake = undefined;
  }
}
