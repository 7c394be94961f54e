/** Turns changes of a task into statuses with growing versions: state at once, progress now and then. */
import type { Clock } from '../../common/clock.ts';
import type { TaskStatus } from '../../common/task/task-status.ts';

/** Progress is reported at most this often. */
const PROGRESS_INTERVAL_MS = 100;

export class StatusReporter {
  readonly #clock: Clock;
  readonly #snapshot: (version: number) => TaskStatus;
  readonly #onStatus: (status: TaskStatus) => void;
  #version = 0;
  #isQueued = false;
  #cancelTimer: (() => void) | undefined;

  constructor(
    clock: Clock,
    snapshot: (version: number) => TaskStatus,
    onStatus: (status: TaskStatus) => void,
  ) {
    this.#clock = clock;
    this.#snapshot = snapshot;
    this.#onStatus = onStatus;
  }

  /** Something that others wait for: reported before this turn of the event loop ends. */
  reportNow(): void {
    if (this.#isQueued) return;
    this.#isQueued = true;
    queueMicrotask(() => {
      this.#isQueued = false;
      this.#send();
    });
  }

  reportSoon(): void {
    this.#cancelTimer ??= this.#clock.schedule(PROGRESS_INTERVAL_MS, () => this.#send());
  }

  #send(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#version += 1;
    this.#onStatus(this.#snapshot(this.#version));
  }
}
