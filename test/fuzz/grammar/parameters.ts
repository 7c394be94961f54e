import { node, type SqlNode } from '../sql-tree.ts';
import { type Choice } from './choice.ts';

/** Constants of a statement whose values come beside it. */
export class Parameters {
  readonly #choice: Choice;
  readonly #percent: number;
  readonly #values = new Map<string, string>();

  /** So many of a hundred constants become parameters. */
  constructor(choice: Choice, percent: number) {
    this.#choice = choice;
    this.#percent = percent;
  }

  /** SQL of each value, by its name. */
  get values(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#values);
  }

  /** The constant, or a parameter in its place. */
  insteadOf(type: string, constant: string): SqlNode {
    // Clients can send no UNION.
    const canBeSent = !type.startsWith('UNION');
    if (this.#percent === 0 || !canBeSent || !this.#choice.chance(this.#percent))
      return node(type, 'constant', constant);
    const name = this.#choice.parameterName();
    this.#values.set(name, constant);
    return node(type, 'parameter', `($${name})::${type}`);
  }

  /** A whole number as LIMIT and OFFSET take it. */
  count(value: number): string {
    if (this.#percent === 0 || !this.#choice.chance(this.#percent)) return String(value);
    const name = this.#choice.parameterName();
    this.#values.set(name, `${value}::BIGINT`);
    return `$${name}`;
  }
}
