import { seededRandom, type Random } from '../../../services/common/random.ts';

/** Choices that follow from one seed. */
export class Choice {
  readonly #random: Random;
  #names = 0;
  #parameters = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  below(bound: number): number {
    return this.#random.below(bound);
  }

  /** True so many times of a hundred. */
  chance(percent: number): boolean {
    return this.#random.below(100) < percent;
  }

  one<T>(items: readonly T[]): T {
    const item = items[this.#random.below(items.length)];
    if (item === undefined) throw new Error('there is nothing to choose from');
    return item;
  }

  /** `count` of them or all, in their order. */
  some<T>(items: readonly T[], count: number): readonly T[] {
    const left = [...items.keys()];
    while (left.length > count) left.splice(this.#random.below(left.length), 1);
    return left.map((index) => items[index] as T);
  }

  weighted<T>(options: readonly (readonly [number, T])[]): T {
    let rest = this.#random.below(options.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, option] of options) {
      if (rest < weight) return option;
      rest -= weight;
    }
    throw new Error('there is nothing to choose from');
  }

  /** A column name that no other column of the statement has. */
  name(): string {
    this.#names += 1;
    return `c${this.#names}`;
  }

  /** The same for parameters. */
  parameterName(): string {
    this.#parameters += 1;
    return `p${this.#parameters}`;
  }
}
