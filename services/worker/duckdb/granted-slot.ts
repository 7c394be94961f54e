import type { EngineError } from '../../common/error.ts';
import type { Logger } from '../../common/logger.ts';
import type {
  FlushResult,
  FragmentIo,
  FragmentRun,
  FragmentSlot,
  StatementBatch,
  StatementResult,
} from '../task/fragment-slot.ts';
import type { Slot } from './slot.ts';

/** What a task's hold on a slot is to the pool. */
export interface SlotHold {
  readonly give: () => void;
  readonly mayKeep: () => boolean;
}

/** A slot in the hands of one task. */
export class GrantedSlot implements FragmentSlot {
  readonly #slot: Slot;
  readonly #hold: SlotHold;
  readonly #log: Logger;
  #hasBegun = false;

  constructor(slot: Slot, hold: SlotHold, log: Logger) {
    this.#slot = slot;
    this.#hold = hold;
    this.#log = log;
  }

  begin(run: FragmentRun, io: FragmentIo): void {
    this.#hasBegun = true;
    this.#slot.begin(run, io);
  }

  async execute(batch: StatementBatch): Promise<StatementResult> {
    return await this.#slot.execute(batch);
  }

  async flush(): Promise<FlushResult> {
    return await this.#slot.flush();
  }

  mayKeep(): boolean {
    return this.#hold.mayKeep();
  }

  abort(error: EngineError): void {
    this.#slot.abort(error);
  }

  async release(): Promise<void> {
    try {
      if (this.#hasBegun) await this.#slot.end();
    } catch (error) {
      this.#log.error({ err: error }, 'a slot could not forget a task');
    }
    this.#hold.give();
  }
}
