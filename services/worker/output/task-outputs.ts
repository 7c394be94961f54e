/** The output buffers of all tasks of this worker, as their readers see them. */
import { Doorbell } from '../../common/doorbell.ts';
import { EngineError } from '../../common/error.ts';
import type {
  BufferAccess,
  BufferAddress,
  BufferServer,
  PageReply,
  PageRequest,
  PageSource,
} from '../../common/exchange/page-source.ts';
import type { Instant, NodeInstanceId, TaskId } from '../../common/ids.ts';
import { formatTaskId } from '../../common/ids.ts';
import type { FragmentOutput } from '../../common/plan/plan-fragment.ts';
import type { TaskUpdate } from '../../common/task/task-status.ts';
import type { OutputBufferSetDeps } from './output-buffer-set.ts';
import { OutputBufferSet } from './output-buffer-set.ts';

export interface TaskOutputsOptions extends OutputBufferSetDeps {
  readonly nodeInstanceId: NodeInstanceId;
  /** Compares secrets in constant time. */
  readonly sameSecret: (a: Uint8Array, b: Uint8Array) => boolean;
}

/** A reader may come before the order that creates the task: so long it waits. */
const TASK_WAIT_MS = 5_000;
/** Ended outputs still answer readers that ask twice. */
const ENDED_MAX_AGE_MS = 300_000;
const SWEEP_INTERVAL_MS = 5_000;
/** The coordinator releases what a query has stored; a worker does it by itself only when nobody came to say so. */
const DEADLINE_GRACE_MS = 60_000;

interface Entry {
  readonly set: OutputBufferSet;
  readonly ticket: BufferAddress['ticket'];
  /** Of the query: beyond it nobody reads. */
  readonly deadline: Instant;
  /** When it was first seen to be gone: at most a sweep too late. */
  endedAt?: Instant;
}

export class TaskOutputs implements PageSource, BufferServer {
  readonly #options: TaskOutputsOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #added = new Doorbell();
  readonly #released = new Doorbell();
  #sweepAt = 0 as Instant;

  constructor(options: TaskOutputsOptions) {
    this.#options = options;
  }

  /** The outputs of a new task, as its first update declares them. `onStatusChange`: see OutputBufferSet. */
  create(
    first: TaskUpdate,
    outputs: readonly FragmentOutput[],
    onStatusChange: () => void,
  ): OutputBufferSet {
    this.#forgetOld();
    const { taskId, capability, principal, deadline } = first;
    const set = new OutputBufferSet(first, outputs, { ...this.#options, onStatusChange });
    this.#entries.set(formatTaskId(taskId), { set, ticket: { capability, principal }, deadline });
    this.#added.ring();
    return set;
  }

  /** Nobody reads the stored outputs of this task any more. */
  release(taskId: TaskId): void {
    this.#entries.get(formatTaskId(taskId))?.set.release();
    this.#released.ring();
  }

  /** Nobody reads what lies on this worker alone. What is spooled may be read on: whether it is, only the coordinator knows. */
  releaseAll(): void {
    for (const { set } of this.#entries.values()) set.releaseRetained();
    this.#released.ring();
  }

  /** Resolves when all is released that would go with this worker. */
  async untilReleased(): Promise<void> {
    while ([...this.#entries.values()].some(({ set }) => set.isRetained))
      await this.#released.wait();
  }

  async fetchPages(
    access: BufferAccess,
    request: PageRequest,
    signal: AbortSignal,
  ): Promise<PageReply> {
    const { bufferId, outputIndex } = access.location;
    const set = await this.#find(access, signal);
    return await set.output(outputIndex).read(bufferId, request, signal);
  }

  async acknowledge(access: BufferAccess, token: number, signal: AbortSignal): Promise<void> {
    const { bufferId, outputIndex } = access.location;
    const set = await this.#find(access, signal);
    set.output(outputIndex).acknowledge(bufferId, token);
  }

  async destroy(access: BufferAccess, signal: AbortSignal): Promise<void> {
    const { bufferId, outputIndex } = access.location;
    const set = await this.#find(access, signal);
    set.output(outputIndex).destroyBuffer(bufferId);
  }

  async #find(access: BufferAccess, signal: AbortSignal): Promise<OutputBufferSet> {
    const { location, ticket } = access;
    const task = formatTaskId(location.taskId);
    if (location.nodeInstanceId !== this.#options.nodeInstanceId) {
      const problem = `task ${task} was of another run of this worker`;
      throw new EngineError('TASK_MISMATCH', problem, { details: { task_id: task } });
    }
    const entry = this.#entries.get(task) ?? (await this.#waitFor(task, signal));
    const isSame = this.#options.sameSecret(ticket.capability, entry.ticket.capability);
    if (!isSame || ticket.principal.name !== entry.ticket.principal.name) {
      throw new EngineError('PERMISSION_DENIED', `no right to the pages of task ${task}`);
    }
    return entry.set;
  }

  async #waitFor(task: string, signal: AbortSignal): Promise<Entry> {
    const waiting = new AbortController();
    const cancelTimer = this.#options.clock.schedule(TASK_WAIT_MS, () => {
      const problem = `task ${task} is not known here`;
      waiting.abort(new EngineError('TASK_NOT_FOUND', problem, { details: { task_id: task } }));
    });
    const either = AbortSignal.any([signal, waiting.signal]);
    try {
      for (;;) {
        await this.#added.wait(either);
        const entry = this.#entries.get(task);
        if (entry !== undefined) return entry;
      }
    } finally {
      cancelTimer();
    }
  }

  /** Looks at all entries, so at most once in a while. */
  #forgetOld(): void {
    const now = this.#options.clock.now();
    if (now < this.#sweepAt) return;
    this.#sweepAt = (now + SWEEP_INTERVAL_MS) as Instant;
    for (const [task, entry] of this.#entries) {
      if (entry.deadline + DEADLINE_GRACE_MS < now) entry.set.release();
      if (!entry.set.isGone) continue;
      entry.endedAt ??= now;
      if (now - entry.endedAt > ENDED_MAX_AGE_MS) this.#entries.delete(task);
    }
  }
}
