import { Doorbell } from '../../common/doorbell.ts';
import type { Clock } from '../../common/clock.ts';
import { EngineError } from '../../common/error.ts';
import type { FragmentOutput } from '../../common/plan/plan-fragment.ts';
import type { Random } from '../../common/random.ts';
import type {
  OutputBufferKind,
  OutputBuffers,
  OutputBufferStatus,
} from '../../common/task/output-buffers.ts';
import type { OutputPage, TaskOutput } from '../task/task-ports.ts';
import { OutputBuffer } from './output-buffer.ts';
import { isEnded } from './output-buffer-state.ts';
import type { PageMemoryPool } from './page-memory-pool.ts';

export interface OutputBufferSetDeps {
  readonly memory: PageMemoryPool;
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
  readonly #buffers: readonly OutputBuffer[];
  readonly #memory: PageMemoryPool;
  readonly #onStatusChange: () => void;
  readonly #changed = new Doorbell();
  #reported = '';

  /** `onStatusChange`: a state has changed, or an output has become overutilised or no longer is. */
  constructor(
    outputs: readonly FragmentOutput[],
    deps: OutputBufferSetDeps,
    onStatusChange: () => void,
  ) {
    this.#memory = deps.memory;
    this.#onStatusChange = onStatusChange;
    this.#buffers = outputs.map(
      ({ consumer, scheme }) =>
        new OutputBuffer({
          ...deps,
          kind: KIND_OF_SCHEME[scheme.kind],
          isResult: consumer.kind === 'client',
          onChange: () => this.#onChange(),
        }),
    );
    this.#reported = this.#summary();
  }

  declareBuffers(outputs: readonly OutputBuffers[]): void {
    if (outputs.length !== this.#buffers.length) {
      const problem = `${outputs.length} outputs are declared, the fragment has ${this.#buffers.length}`;
      throw new EngineError('INVALID_REQUEST', problem);
    }
    for (const [i, update] of outputs.entries()) this.#buffers[i]?.declare(update);
  }

  addPage({ outputIndex, page, partition }: OutputPage): void {
    this.output(outputIndex).addPage(page, partition);
  }

  room(): Promise<void> | undefined {
    return this.#isFull ? this.#untilRoom() : undefined;
  }

  finish(): void {
    for (const buffer of this.#buffers) buffer.noMorePages();
  }

  destroy(): void {
    for (const buffer of this.#buffers) buffer.destroy();
  }

  abort(): void {
    for (const buffer of this.#buffers) buffer.abort();
  }

  /** As `abort`, but readers are told, instead of waiting for the coordinator to stop them. */
  fail(error: EngineError): void {
    for (const buffer of this.#buffers) buffer.fail(error);
  }

  /** No output is stored, so there is nothing to let go of. */
  release(): void {}

  get isFinished(): boolean {
    return this.#buffers.every(({ state }) => state === 'finished');
  }

  /** Every output has ended, well or not: nothing is held any more. */
  get isEnded(): boolean {
    return this.#buffers.every(({ state }) => isEnded(state));
  }

  get storedBytes(): number {
    return 0;
  }

  get statuses(): readonly OutputBufferStatus[] {
    return this.#buffers.map(({ status }) => status);
  }

  output(index: number): OutputBuffer {
    const buffer = this.#buffers[index];
    if (buffer !== undefined) return buffer;
    throw new EngineError('INVALID_REQUEST', `the task has no output ${index}`);
  }

  get #isFull(): boolean {
    return this.#buffers.some(({ isFull }) => isFull);
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
