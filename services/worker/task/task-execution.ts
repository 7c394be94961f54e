/**
 * One task: a mailbox and one loop (Flink K19). Orders and news change fields and wake the loop, which alone
 * waits and runs statements; the state machine says what becomes of the output.
 */
import type { Clock } from '../../common/clock.ts';
import { EngineError, fromErrorReport, toErrorReport } from '../../common/error.ts';
import { formatTaskId, type NodeId, type NodeInstanceId, type TaskId } from '../../common/ids.ts';
import type { Logger } from '../../common/logger.ts';
import type { PlanFragment } from '../../common/plan/plan-fragment.ts';
import { SOLE_SHARE } from '../../common/sharing/query-share.ts';
import {
  isTerminalTaskState,
  type TaskStatus,
  type TaskStop,
  type TaskUpdate,
} from '../../common/task/task-status.ts';
import { FragmentLoop } from './fragment-loop.ts';
import { StatusReporter } from './status-reporter.ts';
import { TaskDelivery } from './task-delivery.ts';
import { TaskInputs } from './task-inputs.ts';
import type { TaskOutput, TaskPorts } from './task-ports.ts';
import { TaskProgress } from './task-progress.ts';
import { isLive, nextTaskState, type TaskState, type TaskTransition } from './task-state.ts';

/** The coordinator ends queries at their deadline; a worker does it by itself only when nobody came to say so. */
const DEADLINE_GRACE_MS = 10_000;
const MAX_TIMER_MS = 0x7fff_ffff;

export interface TaskEnvironment {
  readonly nodeId: NodeId;
  readonly nodeInstanceId: NodeInstanceId;
  readonly clock: Clock;
  readonly log: Logger;
  readonly ports: TaskPorts;
  readonly onStatus: (status: TaskStatus) => void;
}

export class TaskExecution {
  readonly taskId: TaskId;
  readonly #env: TaskEnvironment;
  readonly #output: TaskOutput;
  readonly #inputs: TaskInputs;
  readonly #delivery: TaskDelivery;
  readonly #progress: TaskProgress;
  readonly #loop: FragmentLoop;
  readonly #reporter: StatusReporter;
  readonly #stopping = new AbortController();
  readonly #cancelDeadline: () => void;
  #state: TaskState = { kind: 'running' };
  #isLoopOver = false;
  #wasOverutilized = false;
  #inlinePages: readonly Uint8Array[] | undefined;

  /** Begins at once; `first` is the update that brought the fragment. */
  constructor(first: TaskUpdate, fragment: PlanFragment, env: TaskEnvironment) {
    const { clock, ports } = env;
    this.taskId = first.taskId;
    this.#env = env;
    this.#reporter = new StatusReporter(clock, (v) => this.#status(v), env.onStatus);
    this.#output = ports.createOutput(first, fragment, () => this.#onOutputChange());
    this.#delivery = new TaskDelivery(fragment, this.#output, clock);
    this.#inputs = new TaskInputs(first, fragment, {
      createInput: (request, listener) => ports.createInput(request, listener),
      onChange: () => this.#onInputChange(),
      onFailure: (error) => this.fail(error),
    });
    this.#progress = new TaskProgress(clock);
    const { memoryLimitBytes, isProfiled = false, share = SOLE_SHARE } = first;
    const { taskId } = first;
    this.#loop = new FragmentLoop(
      fragment,
      { taskId, memoryLimitBytes, isProfiled, share },
      {
        slots: ports.slots,
        inputs: this.#inputs,
        delivery: this.#delivery,
        progress: this.#progress,
        onProgress: (isHungry) => this.#onProgress(isHungry),
        signal: this.#stopping.signal,
      },
    );
    const remainingMs = first.deadline - clock.now() + DEADLINE_GRACE_MS;
    this.#cancelDeadline = clock.schedule(Math.min(remainingMs, MAX_TIMER_MS), () => {
      this.fail(
        new EngineError('QUERY_TIMEOUT', 'a task went on beyond the deadline of its query'),
      );
    });
    this.update(first);
    void this.#run();
  }

  get state(): TaskState['kind'] {
    return this.#state.kind;
  }

  get isEnded(): boolean {
    return isTerminalTaskState(this.#state.kind);
  }

  /** Takes what is new in it; repeating an update changes nothing. */
  update(update: TaskUpdate): void {
    if (!isLive(this.#state.kind)) return;
    try {
      if (update.outputBuffers.length > 0) this.#delivery.declareBuffers(update.outputBuffers);
      this.#inputs.filters.receive(update.dynamicFilters ?? []);
      for (const assignment of update.splitAssignments) this.#inputs.receive(assignment);
    } catch (error) {
      this.fail(error);
      return;
    }
    this.#loop.wakeUp();
    // The scheduler waits to hear of splits only to send more; a task that has them all may soon have more to say.
    if (this.#inputs.splits.isSealed) this.#reporter.reportSoon();
    else this.#reporter.reportNow();
  }

  stop(stop: TaskStop): void {
    this.#enter({ kind: 'stop', stop });
  }

  fail(error: unknown): void {
    const report = toErrorReport(error);
    if (report.code === 'INTERNAL_ERROR') {
      this.#env.log.error(
        { task: formatTaskId(this.taskId), err: error },
        'a task failed by a bug',
      );
    }
    this.#enter({ kind: 'fail', error: report });
  }

  async #run(): Promise<void> {
    try {
      await this.#loop.run();
      this.#onRowsComplete();
    } catch (error) {
      this.fail(error);
    }
    this.#inputs.close();
    this.#isLoopOver = true;
    this.#settle();
  }

  #onRowsComplete(): void {
    this.#inlinePages = this.#delivery.complete();
    const isOver = this.#inlinePages !== undefined || this.#output.isFinished;
    if (!isOver) this.#progress.waitFor('output-full');
    this.#enter({ kind: isOver ? 'finish' : 'flush' });
  }

  #onProgress(isHungry: boolean): void {
    if (isHungry) this.#reporter.reportNow();
    else this.#reporter.reportSoon();
  }

  #onInputChange(): void {
    this.#loop.wakeUp();
    this.#reporter.reportSoon();
  }

  /** The first time that an output is overfull is news for the scheduler (T25). */
  #onOutputChange(): void {
    const { failure, isFinished } = this.#output;
    if (!isLive(this.#state.kind)) return;
    if (failure !== undefined) return this.fail(failure);
    if (this.#state.kind === 'flushing' && isFinished) return this.#enter({ kind: 'finish' });
    const isOverutilized = this.#output.statuses.some(({ overutilized }) => overutilized);
    if (isOverutilized && !this.#wasOverutilized) this.#reporter.reportNow();
    else this.#reporter.reportSoon();
    this.#wasOverutilized = isOverutilized;
  }

  #enter(transition: TaskTransition): void {
    const next = nextTaskState(this.#state, transition);
    if (next === this.#state) return;
    this.#state = next;
    switch (next.kind) {
      case 'canceling':
        this.#output.destroy();
        this.#stopping.abort(new EngineError('QUERY_CANCELLED', 'the task was cancelled'));
        break;
      case 'aborting':
        this.#output.abort();
        this.#stopping.abort(new EngineError('QUERY_CANCELLED', 'the task was aborted'));
        break;
      case 'failing':
        this.#output.abort();
        this.#stopping.abort(fromErrorReport(next.error));
        break;
      default:
    }
    this.#reporter.reportNow();
    this.#settle();
  }

  /** A stopped task has ended when its loop is over, and so its slot free. */
  #settle(): void {
    if (this.#isLoopOver) this.#enterSettled();
    if (!this.isEnded) return;
    this.#progress.end();
    this.#cancelDeadline();
  }

  #enterSettled(): void {
    const settled = nextTaskState(this.#state, { kind: 'settle' });
    if (settled === this.#state) return;
    this.#state = settled;
    this.#reporter.reportNow();
  }

  #status(version: number): TaskStatus {
    const state = this.#state;
    const { nodeId, nodeInstanceId } = this.#env;
    const isComplete = state.kind === 'flushing' || state.kind === 'finished';
    const collectedDomains = isComplete ? this.#inputs.filters.takeReport() : undefined;
    return {
      taskId: this.taskId,
      nodeId,
      nodeInstanceId,
      version,
      state: state.kind,
      ...('error' in state ? { error: state.error } : {}),
      outputs: this.#output.statuses,
      queuedSplitWeight: this.#inputs.splits.queuedWeight,
      receivedSplits: this.#inputs.received,
      blockedReason: isLive(state.kind) ? this.#loop.blockedReason : 'none',
      stats: this.#progress.stats(this.#inputs.totals, this.#output.storedBytes),
      ...(this.#inlinePages === undefined ? {} : { inlinePages: this.#inlinePages }),
      ...(collectedDomains === undefined ? {} : { collectedDomains }),
    };
  }
}
