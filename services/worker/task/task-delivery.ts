/** A task's rows on their way out: to its output buffers, or whole and small into its final status. */
import type { Clock } from '../../common/clock.ts';
import type { PlanFragment } from '../../common/plan/plan-fragment.ts';
import type { OutputBuffers } from '../../common/task/output-buffers.ts';
import type { DealtPage } from './fragment-slot.ts';
import { canDeal, dealRows, type RowDealing } from './row-dealing.ts';
import { SmallResult } from './small-result.ts';
import type { TaskOutput } from './task-ports.ts';

export class TaskDelivery {
  readonly #fragment: PlanFragment;
  readonly #output: TaskOutput;
  /** Present when the one reader is the client. */
  readonly #smallResult: SmallResult | undefined;
  #buffers: readonly OutputBuffers[] = [];
  #dealing: RowDealing | undefined;

  constructor(fragment: PlanFragment, output: TaskOutput, clock: Clock) {
    this.#fragment = fragment;
    this.#output = output;
    const [first, ...others] = fragment.outputs;
    const isResult = first?.consumer.kind === 'client' && others.length === 0;
    this.#smallResult = isResult
      ? new SmallResult(clock, (page) => output.addPage(page))
      : undefined;
  }

  /** @throws EngineError for a broken contract. */
  declareBuffers(buffers: readonly OutputBuffers[]): void {
    this.#output.declareBuffers(buffers);
    this.#buffers = buffers.map((next, i) => {
      const known = this.#buffers[i];
      return known === undefined || next.version > known.version ? next : known;
    });
  }

  /** Rows can be dealt: all that depends on the number of readers is known. */
  get isReady(): boolean {
    return canDeal(this.#fragment, this.#buffers);
  }

  get dealing(): RowDealing {
    this.#dealing ??= dealRows(this.#fragment, this.#buffers);
    return this.#dealing;
  }

  /** Takes a page for all outputs that deal like this; a promise asks for a pause. */
  accept({ deal, ...page }: DealtPage): Promise<void> | undefined {
    for (const outputIndex of this.dealing.outputsOfDeal[deal] ?? []) {
      const outputPage = { outputIndex, ...page };
      if (this.#smallResult === undefined) this.#output.addPage(outputPage);
      else this.#smallResult.add(outputPage);
    }
    return this.#output.room();
  }

  room(): Promise<void> | undefined {
    return this.#output.room();
  }

  /** All rows are there. Gives the pages if the final status is to carry them; then no reader sees an end. */
  complete(): readonly Uint8Array[] | undefined {
    const inlinePages = this.#smallResult?.take();
    if (inlinePages === undefined) this.#output.finish();
    else this.#output.abort();
    return inlinePages;
  }
}
