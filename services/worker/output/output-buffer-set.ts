import { Doorbell } from '../../common/doorbell.ts';
import type { Clock } from '../../common/clock.ts';
import { EngineError } from '../../common/error.ts';
import { formatTaskId } from '../../common/ids.ts';
import type { FragmentOutput } from '../../common/plan/plan-fragment.ts';
import type { Random } from '../../common/random.ts';
import type {
  OutputBufferKind,
  OutputBuffers,
  OutputBufferStatus,
  OutputRetention,
} from '../../common/task/output-buffers.ts';
import type { TaskUpdate } from '../../common/task/task-status.ts';
import type { OutputPage, TaskOutput } from '../task/task-ports.ts';
import type { Output } from './output.ts';
import { OutputBuffer } from './output-buffer.ts';
import type { OpenPageFile } from './page-file.ts';
import type { PageMemoryPool } from './page-memory-pool.ts';
import type { Spool } from './spool.ts';
import { StoredOutput } from './stored-output.ts';

export interface OutputBufferSetDeps {
  readonly memory: PageMemoryPool;
  /** Opens the files of retained outputs. */
  readonly openPageFile: OpenPageFile;
  /** For outputs that survive this worker. Absent = it takes no task that has any. */
  readonly spool?: Spool;
  readonly clock: Clock;
  readonly random: Random;
}

const KIND_OF_SCHEME: Readonly<Record<FragmentOutput['scheme']['kind'], OutputBufferKind>> = {
  single: 'partitioned',
  discard: 'partitioned',
  hash: 'partitioned',
  broadcast: 'broadcast',
  arbitrary: 'arbitrary',
};

/** All outputs of one task, in the order of its fragment. */
export class OutputBufferSet implements TaskOutput {
  readonly #outputs: readonly Output[];
  readonly #stored: readonly StoredOutput[];
  readonly #memory: PageMemoryPool;
  readonly #onStatusChange: () => void;
  readonly #changed = new Doorbell();
  #reported = '';

  /**
   * `first`: the update that brought the task says which outputs are stored.
   * `onStatusChange`: a state has changed, or an output has become overutilised or no longer is.
   */
  constructor(
    first: TaskUpdate,
    outputs: readonly FragmentOutput[],
    deps: OutputBufferSetDeps & { readonly onStatusChange: () => void },
  ) {
    this.#memory = deps.memory;
    this.#onStatusChange = deps.onStatusChange;
    const onChange = (): void => this.#onChange();
    this.#outputs = outputs.map(({ consumer, scheme }, outputIndex) => {
      const kind = KIND_OF_SCHEME[scheme.kind];
      const isResult = consumer.kind === 'client';
      const retention = first.outputBuffers[outputIndex]?.retention;
      const openPageFile = opensFilesOf(retention, deps);
      // It refuses what it is told to store and cannot.
      if (openPageFile === undefined || retention === undefined || retention === 'streaming')
        return new OutputBuffer({ ...deps, kind, isResult, onChange });
      const { partitionId: partition } = first.taskId;
      const task = formatTaskId(first.taskId);
      const stored = { kind, retention, task, outputIndex, partition };
      return new StoredOutput({ ...deps, ...stored, openPageFile, onChange });
    });
    this.#stored = this.#outputs.filter((output) => output instanceof StoredOutput);
    this.#reported = this.#summary();
  }

  declareBuffers(outputs: readonly OutputBuffers[]): void {
    if (outputs.length !== this.#outputs.length) {
      const problem = `${outputs.length} outputs are declared, the fragment has ${this.#outputs.length}`;
      throw new EngineError('INVALID_REQUEST', problem);
    }
    for (const [i, update] of outputs.entries()) this.#outputs[i]?.declare(update);
  }

  addPage({ outputIndex, page, partition }: OutputPage): void {
    this.output(outputIndex).addPage(page, partition);
  }

  room(): Promise<void> | undefined {
    return this.#isFull ? this.#untilRoom() : undefined;
  }

  finish(): void {
    for (const output of this.#outputs) output.noMorePages();
  }

  destroy(): void {
    for (const output of this.#outputs) output.destroy();
  }

  abort(): void {
    for (const output of this.#outputs) output.abort();
  }

  /** Nobody reads the stored outputs any more. */
  release(): void {
    for (const output of this.#stored) output.release();
  }

  get isFinished(): boolean {
    return this.#outputs.every(({ state }) => state === 'finished');
  }

  get failure(): unknown {
    return this.#stored.find(({ failure }) => failure !== undefined)?.failure;
  }

  /** Nobody asks for what lies on this worker alone; what is spooled may be read on without it. */
  releaseRetained(): void {
    for (const output of this.#retained) output.release();
  }

  /** Nothing is held any more. */
  get isGone(): boolean {
    return this.#outputs.every(({ isGone }) => isGone);
  }

  /** Some output would go with this worker, and is not released. */
  get isRetained(): boolean {
    return this.#retained.some(({ isGone }) => !isGone);
  }

  get storedBytes(): number {
    return this.#stored.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
  }

  get statuses(): readonly OutputBufferStatus[] {
    return this.#outputs.map(({ status }) => status);
  }

  output(index: number): Output {
    const output = this.#outputs[index];
    if (output !== undefined) return output;
    throw new EngineError('INVALID_REQUEST', `the task has no output ${index}`);
  }

  get #retained(): readonly StoredOutput[] {
    return this.#stored.filter(({ retention }) => retention === 'retained');
  }

  get #isFull(): boolean {
    return this.#outputs.some(({ isFull }) => isFull);
  }

  async #untilRoom(): Promise<void> {
    const leave = this.#memory.onRoom(() => this.#changed.ring());
    try {
      while (this.#isFull) await this.#changed.wait();
    } finally {
      leave();
    }
  }

  #onChange(): void {
    if (!this.#isFull) this.#changed.ring();
    const summary = this.#summary();
    if (summary === this.#reported) return;
    this.#reported = summary;
    this.#onStatusChange();
  }

  /** What a change of is news; buffered bytes alone are not. */
  #summary(): string {
    return this.statuses.map(({ state, overutilized }) => `${state} ${overutilized}`).join();
  }
}

/** `undefined` = nothing is stored here that is to be kept so. */
function opensFilesOf(
  retention: OutputRetention | undefined,
  { openPageFile, spool }: OutputBufferSetDeps,
): OpenPageFile | undefined {
  if (retention === 'retained') return openPageFile;
  return retention === 'spooled' ? spool?.openPageFile : undefined;
}
