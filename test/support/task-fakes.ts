/** A worker around a task, without DuckDB and network: slots, outputs and inputs that a test drives. */
import type { EngineError } from '../../services/common/error.ts';
import type {
  NodeId,
  NodeInstanceId,
  QueryId,
  SourceId,
  TaskId,
} from '../../services/common/ids.ts';
import type { Page } from '../../services/common/page/page.ts';
import type { PlanFragment } from '../../services/common/plan/plan-fragment.ts';
import type { FileSplit, OutputLocation, Split } from '../../services/common/plan/split.ts';
import type {
  OutputBuffers,
  OutputBufferStatus,
} from '../../services/common/task/output-buffers.ts';
import type { TaskStatus, TaskUpdate } from '../../services/common/task/task-status.ts';
import type {
  FlushResult,
  FragmentIo,
  FragmentRun,
  FragmentSlot,
  FragmentSlots,
  SlotRequest,
  StatementBatch,
  StatementResult,
} from '../../services/worker/task/fragment-slot.ts';
import { NodeIdentity } from '../../services/worker/task/node-identity.ts';
import type {
  OutputPage,
  TaskInput,
  TaskInputListener,
  TaskOutput,
  TaskPorts,
} from '../../services/worker/task/task-ports.ts';
import { deferred, type Deferred } from './deferred.ts';
import { someSplits } from './plan-builders.ts';
import { VirtualClock } from './virtual-clock.ts';
import { SOLE_SHARE } from '../../services/common/sharing/query-share.ts';

export function aTaskId(changes: Partial<TaskId> = {}): TaskId {
  return {
    queryId: '20260315_142501_00042_k7f3a' as QueryId,
    stageId: 0 as TaskId['stageId'],
    partitionId: 0 as TaskId['partitionId'],
    attempt: 0,
    ...changes,
  };
}

export function anUpdate(changes: Partial<TaskUpdate> = {}): TaskUpdate {
  return {
    taskId: aTaskId(),
    principal: { name: 'someone' },
    capability: new Uint8Array(32),
    splitAssignments: [],
    outputBuffers: [],
    deadline: 3_600_000 as TaskUpdate['deadline'],
    memoryLimitBytes: 0,
    ...changes,
  };
}

/** Splits `from`, `from` + 1 … of a scan. */
export function fileSplits(sourceId: number, from: number, count: number): Split[] {
  return someSplits(sourceId, from + count)
    .slice(from)
    .map((input, i) => ({ sequenceId: from + i, weight: 100, input }));
}

export function theBuffers(
  bufferCount: number,
  changes: Partial<OutputBuffers> = {},
): OutputBuffers {
  return {
    kind: 'partitioned',
    version: 1,
    bufferIds: Array.from(
      { length: bufferCount },
      (_, i) => i as OutputBuffers['bufferIds'][number],
    ),
    noMoreBufferIds: true,
    ...changes,
  };
}

export class FakeOutput implements TaskOutput {
  readonly declared: (readonly OutputBuffers[])[] = [];
  readonly pages: OutputPage[] = [];
  end: 'none' | 'finished' | 'destroyed' | 'aborted' = 'none';
  isFinished = false;
  failure: unknown;
  storedBytes = 0;
  overutilized = false;
  #room: Deferred<void> | undefined;
  readonly #onChange: () => void;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  declareBuffers(outputs: readonly OutputBuffers[]): void {
    this.declared.push(outputs);
  }

  addPage(page: OutputPage): void {
    this.pages.push(page);
    this.#onChange();
  }

  room(): Promise<void> | undefined {
    return this.#room?.promise;
  }

  finish(): void {
    this.end = 'finished';
  }

  destroy(): void {
    this.end = 'destroyed';
  }

  abort(): void {
    this.end = 'aborted';
  }

  get statuses(): readonly OutputBufferStatus[] {
    const { overutilized } = this;
    return [{ state: 'open', bufferedBytes: 0, utilization: 0, overutilized }];
  }

  /** The readers stop taking pages. */
  fill(): void {
    this.#room = deferred();
    this.overutilized = true;
    this.#onChange();
  }

  /** The readers take pages again. */
  drain(): void {
    const room = this.#room;
    this.#room = undefined;
    this.overutilized = false;
    room?.resolve();
    this.#onChange();
  }

  /** The disk does not take its pages. */
  cannotStore(failure: EngineError): void {
    this.failure = failure;
    this.#onChange();
  }

  /** The readers have read all there is. */
  readToEnd(): void {
    this.isFinished = true;
    this.#onChange();
  }
}

export class FakeInput implements TaskInput {
  readonly locations: OutputLocation[] = [];
  readonly listener: TaskInputListener;
  hasAllLocations = false;
  isComplete = false;
  isClosed = false;
  rewindCount = 0;
  rowCount = 0;
  byteCount = 0;
  spilledBytes = 0;

  constructor(listener: TaskInputListener) {
    this.listener = listener;
  }

  addLocation(location: OutputLocation): void {
    this.locations.push(location);
  }

  noMoreLocations(): void {
    this.hasAllLocations = true;
  }

  readPage(): Promise<Page | undefined> {
    return Promise.resolve(undefined);
  }

  rewind(): void {
    this.rewindCount += 1;
  }

  close(): void {
    this.isClosed = true;
  }

  /** All producers are read to their end. */
  complete(rowCount: number): void {
    this.rowCount = rowCount;
    this.isComplete = true;
    this.listener.onChange();
  }
}

/** One statement that a task has begun; the test ends it. */
export interface FakeStatement {
  readonly batch: StatementBatch;
  finish(result?: Partial<StatementResult>): void;
  fail(error: EngineError): void;
}

export class FakeSlot implements FragmentSlot {
  readonly request: SlotRequest;
  readonly statements: FakeStatement[] = [];
  run: FragmentRun | undefined;
  io: FragmentIo | undefined;
  flushCount = 0;
  abortedBy: EngineError | undefined;
  isReleased = false;
  /** Somebody has more right to it. */
  isWanted = false;
  #running: Deferred<StatementResult> | undefined;

  constructor(request: SlotRequest) {
    this.request = request;
  }

  begin(run: FragmentRun, io: FragmentIo): void {
    this.run = run;
    this.io = io;
  }

  execute(batch: StatementBatch): Promise<StatementResult> {
    const running = deferred<StatementResult>();
    this.#running = running;
    this.statements.push({
      batch,
      finish: (result) => running.resolve({ ...NO_RESULT, ...result }),
      fail: (error) => running.reject(error),
    });
    return running.promise;
  }

  flush(): Promise<FlushResult> {
    this.flushCount += 1;
    return Promise.resolve({});
  }

  mayKeep(): boolean {
    return !this.isWanted;
  }

  abort(error: EngineError): void {
    this.abortedBy = error;
    this.#running?.reject(error);
  }

  release(): Promise<void> {
    this.isReleased = true;
    return Promise.resolve();
  }

  /** Paths and first rows of the files of each statement so far. */
  get files(): readonly (readonly number[])[] {
    return this.statements.map(({ batch }) => {
      return [...batch.splits.values()].flat().map((file: FileSplit) => file.firstRow / 100);
    });
  }

  emitPage(byteLength: number, deal = 0): void {
    const page = { deal, partition: 0, page: new ArrayBuffer(byteLength), rowCount: 1 };
    void this.io?.acceptPage(page);
  }
}

export const NO_RESULT: StatementResult = {
  outputRows: 0,
  limitReached: false,
  busyMs: 0,
  outputFullMs: 0,
  cpuMs: 0,
  peakMemoryBytes: 0,
  spilledBytes: 0,
  filteredRows: 0,
};

/** One that shares with nobody. */
export const A_SLOT_REQUEST: SlotRequest = {
  threads: 'task',
  mayReorderJoins: false,
  memoryLimitBytes: 0,
  settings: {},
  claim: { queryId: 'q' as QueryId, share: SOLE_SHARE },
};

export class FakeSlots implements FragmentSlots {
  readonly granted: FakeSlot[] = [];
  readonly #waiting: ((slot: FakeSlot) => void)[] = [];
  isFree = true;

  acquire(request: SlotRequest, signal: AbortSignal): Promise<FragmentSlot> {
    return new Promise((resolve, reject) => {
      const slot = new FakeSlot(request);
      const grant = (): void => {
        this.granted.push(slot);
        resolve(slot);
      };
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      if (this.isFree) grant();
      else this.#waiting.push(grant);
    });
  }

  grant(): void {
    this.#waiting.shift()?.(new FakeSlot(A_SLOT_REQUEST));
  }

  /** The slot granted last. */
  get last(): FakeSlot {
    const slot = this.granted.at(-1);
    if (slot === undefined) throw new Error('no slot was granted');
    return slot;
  }
}

export class FakeWorker {
  readonly clock = new VirtualClock();
  readonly slots = new FakeSlots();
  readonly outputs: FakeOutput[] = [];
  readonly released: TaskId[] = [];
  releaseAllCount = 0;
  readonly inputs = new Map<SourceId, FakeInput>();
  readonly statuses: TaskStatus[] = [];
  #runCount = 0;
  readonly identity = new NodeIdentity('worker-1' as NodeId, () => {
    this.#runCount += 1;
    return `run-${this.#runCount}` as NodeInstanceId;
  });
  readonly onStatus = (status: TaskStatus): void => void this.statuses.push(status);

  readonly ports: TaskPorts = {
    slots: this.slots,
    createOutput: (_update: TaskUpdate, _fragment: PlanFragment, onChange) => {
      const output = new FakeOutput(onChange);
      this.outputs.push(output);
      return output;
    },
    createInput: ({ source }, listener) => {
      const input = new FakeInput(listener);
      this.inputs.set(source.sourceId, input);
      return input;
    },
    releaseOutput: (taskId) => void this.released.push(taskId),
    releaseAllOutputs: () => (this.releaseAllCount += 1),
  };

  get output(): FakeOutput {
    const output = this.outputs.at(-1);
    if (output === undefined) throw new Error('no task was started');
    return output;
  }

  input(sourceId: number): FakeInput {
    const input = this.inputs.get(sourceId as SourceId);
    if (input === undefined) throw new Error(`no task reads source ${sourceId}`);
    return input;
  }

  get status(): TaskStatus {
    const status = this.statuses.at(-1);
    if (status === undefined) throw new Error('nothing was reported');
    return status;
  }
}
