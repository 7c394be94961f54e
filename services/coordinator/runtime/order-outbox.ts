import type { TaskId } from '../../common/ids.ts';
import type { TaskStop, TaskUpdate } from '../../common/task/task-status.ts';

/** What a worker is ordered to do about a task. */
export type WorkerOrder =
  | { readonly kind: 'update-task'; readonly update: TaskUpdate }
  | { readonly kind: 'stop-task'; readonly taskId: TaskId; readonly stop: TaskStop }
  | { readonly kind: 'release-output'; readonly taskId: TaskId };

export interface NumberedOrder {
  /** From 1, without gaps within a run of the worker. */
  readonly sequence: number;
  readonly order: WorkerOrder;
}

/** Orders that wait for a worker's acknowledgement; a worker that leaves more of them lying is not well. */
const CAPACITY = 50_000;

/**
 * The orders to one run of a worker, kept until it has acknowledged them, so that a new stream can go on where the old one
 * broke (T35). Orders are idempotent: sending one again does no harm.
 */
export class OrderOutbox {
  #orders: WorkerOrder[] = [];
  /** Orders up to this one are acknowledged; `#orders[0]` is the next. */
  #acknowledged = 0;

  get lastSequence(): number {
    return this.#acknowledged + this.#orders.length;
  }

  add(order: WorkerOrder): 'accepted' | 'full' {
    if (this.#orders.length >= CAPACITY) return 'full';
    this.#orders.push(order);
    return 'accepted';
  }

  /** All orders up to `sequence` have arrived. A sequence that was never sent counts as the last. */
  acknowledge(sequence: number): void {
    const count = Math.min(sequence, this.lastSequence) - this.#acknowledged;
    if (count <= 0) return;
    this.#orders.splice(0, count);
    this.#acknowledged += count;
  }

  /** The first order behind `sequence` that is still to be acknowledged. */
  next(sequence: number): NumberedOrder | undefined {
    const index = Math.max(0, sequence - this.#acknowledged);
    const order = this.#orders[index];
    return order === undefined ? undefined : { sequence: this.#acknowledged + index + 1, order };
  }
}
