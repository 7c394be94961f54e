/**
 * Where finished tasks leave their pages, whatever becomes of their workers: each output that was committed, until it is
 * released or lost. What was released before it was committed never gets in.
 */
import type { TaskId } from '../../../services/common/ids.ts';
import { formatTaskId } from '../../../services/common/ids.ts';
import type { OutputLocation } from '../../../services/common/plan/split.ts';
import type { FetchReply, SimulatedOutput } from './simulated-output.ts';
import type { ExchangeServer } from './simulated-reader.ts';

interface Committed {
  readonly outputs: readonly SimulatedOutput[];
  /** Its rows are the query's: their loss is beyond the engine. */
  readonly isResult: boolean;
}

export class SimulatedSpool implements ExchangeServer {
  readonly #committed = new Map<string, Committed>();
  readonly #released = new Set<string>();

  commit(taskId: TaskId, outputs: readonly SimulatedOutput[], isResult: boolean): void {
    const name = formatTaskId(taskId);
    if (!this.#released.has(name)) this.#committed.set(name, { outputs, isResult });
  }

  release(taskId: TaskId): void {
    const name = formatTaskId(taskId);
    this.#released.add(name);
    this.#committed.delete(name);
  }

  /** One of the outputs is gone; false = there is none. */
  lose(drawBelow: (bound: number) => number): boolean {
    const names = [...this.#committed].flatMap(([name, { isResult }]) => (isResult ? [] : [name]));
    const name = names[drawBelow(Math.max(1, names.length))];
    return name !== undefined && this.#committed.delete(name);
  }

  fetch(location: OutputLocation, token: number): FetchReply {
    const committed = this.#committed.get(formatTaskId(location.taskId));
    const output = committed?.outputs[location.outputIndex];
    return output === undefined ? { kind: 'lost' } : output.fetch(location.bufferId, token);
  }

  destroy(): void {
    // What is stored stays until it is released.
  }

  held(): readonly string[] {
    return [...this.#committed.keys()];
  }
}
