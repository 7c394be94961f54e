/**
 * One task on a simulated worker: takes splits and pages, passes rows on, reports. It begins when everything that
 * is broadcast to it is there; `waitsForAllInput` makes it wait for all remote rows too, so that it never
 * holds a slot while it waits for another task.
 */
import type { DynamicFilter } from '../../../services/common/dynamic-filter/dynamic-filter.ts';
import type { ErrorReport } from '../../../services/common/error.ts';
import type { SourceId, TaskId } from '../../../services/common/ids.ts';
import type { PlanFragment } from '../../../services/common/plan/plan-fragment.ts';
import type { FileSplit, Split } from '../../../services/common/plan/split.ts';
import { producerDetails } from '../../../services/common/task/fetch-failure.ts';
import { isTerminalTaskState, NO_TASK_STATS } from '../../../services/common/task/task-status.ts';
import type {
  TaskStateKind,
  TaskStatus,
  TaskStop,
} from '../../../services/common/task/task-status.ts';
import type { TaskOrder } from '../cluster-worker.ts';
import { collectDomains, filterRows, isJoined, joinRows, keyOf } from '../joins.ts';
import {
  digestOf,
  isInnerLimit,
  passRow,
  rowOfEmptySplit,
  rowOfLimit,
  rowsOfSplit,
} from '../rows.ts';
import type { Row } from '../rows.ts';
import { SimulatedOutput } from './simulated-output.ts';
import { SimulatedReader } from './simulated-reader.ts';
import type { ReaderDeps } from './simulated-reader.ts';

/** What a task needs of its worker. */
export interface TaskHost {
  readonly readers: ReaderDeps;
  readonly waitsForAllInput: boolean;
  readonly outputCapacityRows: number;
  readonly inlineRows: number;
  /** What it was given, and what it needs. */
  readonly memoryBytes: number;
  readonly needBytes: number;
  /** Calls back when the unit of work is done, unless the worker is gone by then. */
  work(action: () => void): void;
  /** True at once or never; the worker pumps the task again when a slot is free. */
  acquireSlot(task: SimulatedTask): boolean;
  releaseSlot(task: SimulatedTask): void;
  report(task: SimulatedTask): void;
  /** Its pages are all there, and are spooled. */
  commit(task: SimulatedTask): void;
  /** For the checkers. */
  onSplitDone(split: FileSplit): void;
}

interface TaskSource {
  readonly sourceId: SourceId;
  readonly kind: 'scan' | 'stream' | 'broadcast';
  nextSequenceId: number;
  noMoreSplits: boolean;
  /** Scans: received and not begun. */
  readonly splits: Split[];
  /** Remote: rows that arrived; streams hand them on, broadcasts keep them. */
  rows: Row[];
  readonly readers: SimulatedReader[];
  openReaders: number;
}

const PAUSE_ABOVE_ROWS = 12;

export class SimulatedTask {
  readonly taskId: TaskId;
  readonly fragment: PlanFragment;
  readonly outputs: readonly SimulatedOutput[];
  state: TaskStateKind = 'running';
  inlinePages: readonly Uint8Array[] | undefined;
  readonly #host: TaskHost;
  readonly #sources: readonly TaskSource[];
  #error: ErrorReport | undefined;
  #isWorking = false;
  #isHeld = false;
  #splitsCompleted = 0;
  #outputRows = 0;
  readonly #filters: DynamicFilter[] = [];
  readonly #keys = new Set<string>();
  #hasReportedKeys = false;

  constructor(taskId: TaskId, fragment: PlanFragment, host: TaskHost) {
    this.taskId = taskId;
    this.fragment = fragment;
    this.#host = host;
    const salt = fragment.determinism === 'deterministic' ? 0 : taskId.attempt;
    this.outputs = fragment.outputs.map(() => new SimulatedOutput(host.outputCapacityRows, salt));
    const source = (sourceId: SourceId, kind: TaskSource['kind']): TaskSource => ({
      sourceId,
      kind,
      nextSequenceId: 0,
      noMoreSplits: false,
      splits: [],
      rows: [],
      readers: [],
      openReaders: 0,
    });
    this.#sources = [
      ...fragment.scans.map((scan) => source(scan.sourceId, 'scan')),
      ...fragment.remoteSources.map((remote) =>
        source(remote.sourceId, remote.delivery === 'broadcast' ? 'broadcast' : 'stream'),
      ),
    ];
  }

  isEnded(): boolean {
    return isTerminalTaskState(this.state);
  }

  update(order: TaskOrder): void {
    if (this.state !== 'running' && this.state !== 'flushing') return;
    this.#filters.push(...(order.dynamicFilters ?? []));
    order.outputBuffers.forEach((buffers, index) => this.outputs[index]?.declare(buffers));
    for (const assignment of order.splitAssignments) {
      const source = this.#sources.find((each) => each.sourceId === assignment.sourceId);
      if (source === undefined) throw new Error(`no source ${assignment.sourceId}`);
      for (const split of assignment.splits) this.#receive(source, split);
      source.noMoreSplits ||= assignment.noMoreSplits;
    }
    this.#host.report(this);
    this.pump();
  }

  stop(stop: TaskStop): void {
    if (this.state !== 'running' && this.state !== 'flushing') return;
    this.#end(stop === 'cancel' ? 'canceling' : 'aborting');
  }

  fail(error: ErrorReport): void {
    if (this.state !== 'running' && this.state !== 'flushing') return;
    this.#error = error;
    this.#end('failing');
  }

  /** Its stored outputs are not needed any more, whether or not they are there yet. */
  release(): void {
    for (const output of this.outputs) if (output.isStored) output.release();
  }

  /** It has ended, and left pages behind that nobody has released. */
  holdsStored(): boolean {
    const isThere = this.state === 'finished' && this.inlinePages === undefined;
    return isThere && this.outputs.some((output) => output.isStored && !output.isReleased);
  }

  damage(): void {
    for (const output of this.outputs) output.damage();
  }

  /** Its process is gone. */
  halt(): void {
    for (const source of this.#sources) for (const reader of source.readers) reader.halt();
  }

  /** Takes the next unit of work if there is one and room for its rows. */
  pump(): void {
    if (this.state === 'flushing') return this.#finishIfRead();
    if (this.state !== 'running' || this.#isWorking) return;
    if (this.#hasNothingToRun()) return this.#flush();
    if (!this.#canBegin()) return;
    if (!this.#host.acquireSlot(this)) return;
    this.#isHeld = true;
    if (this.outputs.some((output) => output.isFull())) return;
    const unit = this.#nextUnit();
    if (unit === undefined) {
      if (this.#hasAllInput()) this.#flush();
      return;
    }
    if (this.#host.needBytes > this.#host.memoryBytes)
      return this.fail({ code: 'OUT_OF_MEMORY', message: 'it needs more than it was given' });
    this.#isWorking = true;
    this.#host.work(() => {
      this.#isWorking = false;
      if (this.state !== 'running') return;
      this.#finishUnit(unit);
      this.#host.report(this);
      this.pump();
    });
  }

  /** Without the worker's part: node, run and version. */
  status(): Omit<TaskStatus, 'nodeId' | 'nodeInstanceId' | 'version'> {
    const scans = this.#sources.filter((source) => source.kind === 'scan');
    const queued = scans.flatMap((source) => source.splits);
    return {
      taskId: this.taskId,
      state: this.state,
      ...(this.#error === undefined ? {} : { error: this.#error }),
      outputs: this.outputs.map((output) => output.status()),
      queuedSplitWeight: queued.reduce((sum, split) => sum + split.weight, 0),
      receivedSplits: this.#sources.map((source) => ({
        sourceId: source.sourceId,
        sequenceId: source.nextSequenceId - 1,
      })),
      blockedReason: this.#blockedReason(),
      stats: {
        ...NO_TASK_STATS,
        splitsCompleted: this.#splitsCompleted,
        outputRows: this.#outputRows,
        peakMemoryBytes: Math.min(this.#host.needBytes, this.#host.memoryBytes),
      },
      ...this.#reportKeys(),
      ...(this.inlinePages === undefined || this.state !== 'finished'
        ? {}
        : { inlinePages: this.inlinePages }),
    };
  }

  /** Once, when the rows are complete. */
  #reportKeys(): Pick<TaskStatus, 'collectedDomains'> {
    const isComplete = this.state === 'flushing' || this.state === 'finished';
    if (this.#hasReportedKeys || !isComplete || this.fragment.collectedKeys === undefined)
      return {};
    this.#hasReportedKeys = true;
    return { collectedDomains: collectDomains(this.fragment, this.#keys) };
  }

  #receive(source: TaskSource, split: Split): void {
    if (split.sequenceId < source.nextSequenceId) return;
    if (split.sequenceId > source.nextSequenceId) throw new Error('a split is missing');
    source.nextSequenceId += 1;
    if (split.input.kind !== 'remote') {
      source.splits.push(split);
      return;
    }
    source.openReaders += 1;
    const reader = new SimulatedReader(split.input.location, this.#host.readers, {
      onPage: (page) => {
        source.rows.push(...page);
        this.#throttle(source);
        this.pump();
      },
      onEnd: () => {
        source.openReaders -= 1;
        this.pump();
      },
      onLost: () => {
        const { nodeId, taskId } = reader.location;
        const message = `cannot read task ${taskId.stageId}.${taskId.partitionId} on ${nodeId}`;
        const details = producerDetails(reader.location);
        this.fail({ code: 'EXCHANGE_FAILED', message, details });
      },
    });
    source.readers.push(reader);
    reader.fetch();
  }

  /** Pages wait at the producer while there is enough to do; never before the task has begun (no deadlock). */
  #throttle(source: TaskSource): void {
    if (source.kind !== 'stream' || this.#host.waitsForAllInput || !this.#isHeld) return;
    const isEnough =
      source.rows.length > PAUSE_ABOVE_ROWS && this.fragment.remoteSources.length === 1;
    for (const reader of source.readers)
      if (isEnough) reader.pause();
      else reader.resume();
  }

  #isComplete(source: TaskSource): boolean {
    return source.noMoreSplits && source.openReaders === 0;
  }

  #canBegin(): boolean {
    const isWhole = this.fragment.inputMode === 'complete';
    return this.#sources.every((source) => {
      if (source.kind === 'scan') return !isWhole || source.noMoreSplits;
      if (source.kind === 'stream' && !this.#host.waitsForAllInput) return true;
      return this.#isComplete(source);
    });
  }

  /** Statement by statement, it is done with its last split; without any it needs no other input either. */
  #hasNothingToRun(): boolean {
    const scans = this.#sources.filter((source) => source.kind === 'scan');
    if (this.fragment.inputMode === 'complete' || scans.length === 0) return false;
    return scans.every((source) => source.noMoreSplits && source.splits.length === 0);
  }

  #hasAllInput(): boolean {
    return this.#sources.every(
      (source) =>
        this.#isComplete(source) &&
        source.splits.length === 0 &&
        (source.kind === 'broadcast' || source.rows.length === 0),
    );
  }

  #nextUnit(): { readonly rows: readonly Row[]; readonly split?: Split } | undefined {
    for (const source of this.#sources) {
      const split = source.splits.shift();
      if (split !== undefined) return { rows: rowsOf(source.sourceId, split), split };
      if (source.kind !== 'stream' || source.rows.length === 0) continue;
      const rows = source.rows.splice(0, 4);
      this.#throttle(source);
      return { rows };
    }
    return undefined;
  }

  #finishUnit(unit: { readonly rows: readonly Row[]; readonly split?: Split }): void {
    const broadcast = this.#sources
      .filter((source) => source.kind === 'broadcast')
      .flatMap((source) => source.rows);
    const digest = digestOf(broadcast);
    const { rowLimit } = this.fragment;
    const room = rowLimit === undefined ? unit.rows.length : rowLimit - this.#outputRows;
    const rows = this.#joined(unit, broadcast)
      .slice(0, room)
      .map((row, index) =>
        isInnerLimit(this.fragment)
          ? rowOfLimit(this.fragment.id, this.#outputRows + index)
          : passRow(row, digest),
      );
    this.#outputRows += rows.length;
    for (const row of rows) this.#keys.add(keyOf(row));
    for (const output of this.outputs) output.add(rows);
    if (unit.split !== undefined) this.#splitsCompleted += 1;
    if (unit.split?.input.kind === 'file') this.#host.onSplitDone(unit.split.input);
    if (rowLimit !== undefined && this.#outputRows >= rowLimit) this.#flush();
  }

  #joined(
    { rows, split }: { readonly rows: readonly Row[]; readonly split?: Split },
    broadcast: readonly Row[],
  ): readonly Row[] {
    if (split === undefined || !isJoined(this.fragment)) return rows;
    if (split.input.kind !== 'file') return [];
    return joinRows(filterRows(rows, this.fragment, this.#filters), broadcast);
  }

  #flush(): void {
    this.#stopReading();
    for (const output of this.outputs) output.endPages();
    this.state = 'flushing';
    this.#host.releaseSlot(this);
    this.#inlineIfSmall();
    this.#host.report(this);
    this.#finishIfRead();
  }

  #inlineIfSmall(): void {
    const [output] = this.outputs;
    if (this.fragment.outputs[0]?.consumer.kind !== 'client' || output === undefined) return;
    if (this.#outputRows > this.#host.inlineRows) return;
    const pages = output.takeAllPages();
    if (pages === undefined) return;
    this.inlinePages = pages.map((page) => new Uint8Array(Uint32Array.from(page).buffer));
    output.close();
  }

  #finishIfRead(): void {
    if (this.state !== 'flushing' || !this.outputs.every((output) => output.isDone())) return;
    this.state = 'finished';
    if (this.inlinePages === undefined && this.outputs.some(({ isSpooled }) => isSpooled))
      this.#host.commit(this);
    this.#host.report(this);
  }

  #end(state: 'canceling' | 'aborting' | 'failing'): void {
    this.state = state;
    this.#stopReading();
    if (state === 'canceling') for (const output of this.outputs) output.close();
    this.#host.report(this);
    this.#host.work(() => {
      const ends = { canceling: 'canceled', aborting: 'aborted', failing: 'failed' } as const;
      this.state = ends[state];
      this.#host.releaseSlot(this);
      this.#host.report(this);
    });
  }

  #stopReading(): void {
    for (const source of this.#sources) for (const reader of source.readers) reader.stop();
  }

  #blockedReason(): TaskStatus['blockedReason'] {
    if (this.state !== 'running' || this.#isWorking) return 'none';
    if (!this.#canBegin()) return 'waiting-for-input';
    if (!this.#isHeld) return 'waiting-for-slot';
    if (this.outputs.some((output) => output.isFull())) return 'output-full';
    return this.fragment.scans.length > 0 ? 'waiting-for-splits' : 'waiting-for-input';
  }
}

function rowsOf(sourceId: SourceId, split: Split): readonly Row[] {
  return split.input.kind === 'file'
    ? rowsOfSplit(sourceId, split.input)
    : [rowOfEmptySplit(sourceId)];
}
