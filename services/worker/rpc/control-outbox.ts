/**
 * Task statuses on their way to the coordinator. Each gets the next number when it is first sent, is sent
 * again after a reconnect, and is dropped when acknowledged. One that waits is replaced by a newer one of its
 * task, so a slow or absent coordinator costs at most one status a task. What a task has collected for dynamic filters is
 * said only once, so the newer status takes it over.
 */
import { formatTaskId } from '../../common/ids.ts';
import type { TaskStatus } from '../../common/task/task-status.ts';

export interface NumberedStatus {
  readonly sequence: number;
  readonly status: TaskStatus;
}

/** Sent and not acknowledged; beyond, statuses wait. */
const MAX_UNACKNOWLEDGED = 1000;

export class ControlOutbox {
  readonly #waiting = new Map<string, TaskStatus>();
  #unacknowledged: NumberedStatus[] = [];
  /** Entries of `#unacknowledged` that were sent on this connection. */
  #sentCount = 0;
  #lastSequence = 0;

  add(status: TaskStatus): void {
    const key = formatTaskId(status.taskId);
    const collectedDomains = status.collectedDomains ?? this.#waiting.get(key)?.collectedDomains;
    // Behind those that changed before it.
    this.#waiting.delete(key);
    this.#waiting.set(
      key,
      collectedDomains === undefined ? status : { ...status, collectedDomains },
    );
  }

  /** The next status to send; `undefined` when there is none, or too many are not acknowledged. */
  next(): NumberedStatus | undefined {
    const again = this.#unacknowledged[this.#sentCount];
    if (again !== undefined) {
      this.#sentCount += 1;
      return again;
    }
    if (this.#unacknowledged.length >= MAX_UNACKNOWLEDGED) return undefined;
    const [first] = this.#waiting;
    if (first === undefined) return undefined;
    const [key, status] = first;
    this.#waiting.delete(key);
    this.#lastSequence += 1;
    const numbered = { sequence: this.#lastSequence, status };
    this.#unacknowledged.push(numbered);
    this.#sentCount += 1;
    return numbered;
  }

  /** All statuses up to this number have arrived. */
  acknowledge(sequence: number): void {
    const arrived = this.#unacknowledged.filter((sent) => sent.sequence <= sequence).length;
    this.#unacknowledged = this.#unacknowledged.slice(arrived);
    this.#sentCount = Math.max(0, this.#sentCount - arrived);
  }

  /** A new connection: what has not arrived by then is sent again. */
  reconnect(receivedSequence: number): void {
    this.acknowledge(receivedSequence);
    this.#sentCount = 0;
  }

  /** A new run of the worker: nothing was ever sent. */
  reset(): void {
    this.#waiting.clear();
    this.#unacknowledged = [];
    this.#sentCount = 0;
    this.#lastSequence = 0;
  }
}
