/**
 * Each attempt of a query is checked as if it were the only one (T6): what an older one still says is not heard, and what was
 * ordered of it counts for nothing.
 */
import type { FileSplit } from '../../../services/common/plan/split.ts';
import type { SchedulerEffect } from '../../../services/coordinator/scheduler/scheduler-effect.ts';
import type { SchedulerEvent } from '../../../services/coordinator/scheduler/scheduler-event.ts';
import type { Checker } from './checker.ts';

/** The checkers of one attempt; `onSplitDone` hears of every split that a worker has really read. */
export interface AttemptCheckers {
  readonly all: readonly Checker[];
  readonly onSplitDone: (split: FileSplit) => void;
}

export class AttemptChecker implements Checker {
  readonly #create: (attempt: number) => AttemptCheckers;
  /** What the checkers of the next attempt have to know of the cluster. */
  readonly #membership: SchedulerEvent[] = [];
  /** By source: the last batch that was asked for, in this attempt and in those before. */
  readonly #batches = new Map<number, number>();
  #oldBatches: ReadonlyMap<number, number> = new Map();
  #checkers: AttemptCheckers;
  #attempt = 0;

  constructor(create: (attempt: number) => AttemptCheckers) {
    this.#create = create;
    this.#checkers = create(0);
  }

  /** Who reads for which attempt is not known: with several, it is not counted. */
  onSplitDone(split: FileSplit): void {
    if (this.#attempt === 0) this.#checkers.onSplitDone(split);
  }

  onTurn(event: SchedulerEvent | 'created', effects: readonly SchedulerEffect[]): void {
    if (event !== 'created' && isMembership(event)) this.#membership.push(event);
    const heard = event !== 'created' && this.#isOld(event) ? 'created' : event;
    for (const checker of this.#checkers.all) checker.onTurn(heard, effects);
    for (const effect of effects) {
      if (effect.kind === 'load-splits') this.#batches.set(effect.sourceId, effect.batch);
      if (effect.kind === 'change-result' && effect.attempt > this.#attempt) {
        this.#beginAttempt(effect.attempt);
      }
    }
  }

  onRest(isFinished: boolean): void {
    for (const checker of this.#checkers.all) checker.onRest?.(isFinished && this.#attempt === 0);
  }

  #isOld(event: SchedulerEvent): boolean {
    if (event.kind === 'task-status') return event.status.taskId.attempt < this.#attempt;
    return (
      event.kind === 'splits-loaded' && event.batch <= (this.#oldBatches.get(event.sourceId) ?? -1)
    );
  }

  #beginAttempt(attempt: number): void {
    this.#attempt = attempt;
    this.#oldBatches = new Map(this.#batches);
    this.#checkers = this.#create(attempt);
    for (const event of this.#membership) {
      for (const checker of this.#checkers.all) checker.onTurn(event, []);
    }
  }
}

function isMembership({ kind }: SchedulerEvent): boolean {
  return kind === 'node-lost' || kind === 'node-draining' || kind === 'node-joined';
}
