/** All sources of one task: splits of its scans, pages of its remote sources. */
import { EngineError } from '../../common/error.ts';
import type { SourceId } from '../../common/ids.ts';
import type { Page } from '../../common/page/page.ts';
import type { PlanFragment } from '../../common/plan/plan-fragment.ts';
import type { Split, SplitAssignment } from '../../common/plan/split.ts';
import type { TaskStatus, TaskUpdate } from '../../common/task/task-status.ts';
import { isScanSplit, SplitQueue, SplitReceiver, type ScanSplit } from './split-queue.ts';
import { TaskFilters } from './task-filters.ts';
import type { TaskInput, TaskInputListener, TaskPorts } from './task-ports.ts';
import type { InputTotals } from './task-progress.ts';

export interface TaskInputsOptions extends TaskInputListener {
  readonly createInput: TaskPorts['createInput'];
}

export class TaskInputs {
  /** What the scans have still to read. */
  readonly splits: SplitQueue;
  /** What keeps rows of the scans out, and what the rows that come out tell for others. */
  readonly filters: TaskFilters;
  readonly #receivers = new Map<SourceId, SplitReceiver>();
  readonly #remote = new Map<SourceId, TaskInput>();
  readonly #isReread: boolean;
  readonly #partition: number;

  constructor(update: TaskUpdate, fragment: PlanFragment, options: TaskInputsOptions) {
    this.#partition = update.taskId.partitionId;
    this.filters = new TaskFilters(fragment);
    this.splits = new SplitQueue(fragment.scans.map(({ sourceId }) => sourceId));
    for (const { sourceId } of fragment.scans) this.#receivers.set(sourceId, new SplitReceiver());
    this.#isReread = fragment.inputMode === 'incremental' && fragment.scans.length > 0;
    for (const source of fragment.remoteSources) {
      this.#receivers.set(source.sourceId, new SplitReceiver());
      const input = options.createInput({ update, source, isReread: this.#isReread }, options);
      this.#remote.set(source.sourceId, input);
    }
  }

  /** Takes the splits that are new. @throws EngineError for a source or split that the fragment has not. */
  receive(assignment: SplitAssignment): void {
    const { sourceId } = assignment;
    const receiver = this.#receivers.get(sourceId);
    if (receiver === undefined) throw broken(`the fragment has no source ${sourceId}`);
    const fresh = receiver.receive(assignment);
    const remote = this.#remote.get(sourceId);
    if (remote === undefined) {
      this.splits.add(
        sourceId,
        fresh.map((split) => this.#toScanSplit(split)),
      );
      if (receiver.noMoreSplits) this.splits.seal(sourceId);
    } else {
      for (const split of fresh) remote.addLocation(toLocation(split));
      if (receiver.noMoreSplits) remote.noMoreLocations();
    }
  }

  /** All pages of all remote sources are here. */
  get isComplete(): boolean {
    for (const input of this.#remote.values()) if (!input.isComplete) return false;
    return true;
  }

  get rowCounts(): ReadonlyMap<SourceId, number> {
    return new Map([...this.#remote].map(([sourceId, input]) => [sourceId, input.rowCount]));
  }

  /** Of the remote sources. */
  get totals(): InputTotals {
    let rows = 0;
    let bytes = 0;
    let spilledBytes = 0;
    for (const input of this.#remote.values()) {
      rows += input.rowCount;
      bytes += input.byteCount;
      spilledBytes += input.spilledBytes;
    }
    return { rows, bytes, spilledBytes };
  }

  get received(): TaskStatus['receivedSplits'] {
    return [...this.#receivers].map(([sourceId, receiver]) => {
      return { sourceId, sequenceId: receiver.receivedUpTo };
    });
  }

  async readPage(sourceId: SourceId): Promise<Page | undefined> {
    const input = this.#remote.get(sourceId);
    if (input === undefined) throw broken(`the fragment has no remote source ${sourceId}`);
    return await input.readPage();
  }

  /** For a new slot: remote sources that are read once per slot begin with their first page again. */
  rewind(): void {
    if (!this.#isReread) return;
    for (const input of this.#remote.values()) input.rewind();
  }

  /** Rows of another partition would be skipped in silence. */
  #toScanSplit(split: Split): ScanSplit {
    if (!isScanSplit(split)) {
      throw broken(`split ${split.sequenceId} of a scan is of kind ${split.input.kind}`);
    }
    const { input } = split;
    const partition = input.kind === 'file' ? input.partition : undefined;
    if (partition === undefined || partition === this.#partition) return split;
    throw broken(`split ${split.sequenceId} is of partition ${partition}, not ${this.#partition}`);
  }

  close(): void {
    for (const input of this.#remote.values()) input.close();
  }
}

function toLocation({ input, sequenceId }: Split): Parameters<TaskInput['addLocation']>[0] {
  if (input.kind === 'remote') return input.location;
  throw broken(`split ${sequenceId} of a remote source is of kind ${input.kind}`);
}

const broken = (message: string): EngineError => new EngineError('INTERNAL_ERROR', message);
