/** The best of many that change one at a time: a change costs the logarithm of their number, the best costs nothing. */
export class WinnerTree {
  readonly #size: number;
  /** By node of the tree, the root first: the position that has won below it; -1 = none. Leaves begin at `#size`. */
  readonly #winners: Int32Array;
  readonly #isBetter: (a: number, b: number) => boolean;

  /** `isBetter`: strictly; of equals the first wins. `isIn`: who takes part at all. */
  constructor(
    count: number,
    isIn: (position: number) => boolean,
    isBetter: (a: number, b: number) => boolean,
  ) {
    this.#size = 1;
    while (this.#size < count) this.#size *= 2;
    this.#winners = new Int32Array(2 * this.#size).fill(-1);
    this.#isBetter = isBetter;
    for (let position = 0; position < count; position += 1)
      if (isIn(position)) this.#winners[this.#size + position] = position;
    for (let node = this.#size - 1; node > 0; node -= 1) this.#decide(node);
  }

  /** Position of the best; -1 = nobody takes part. */
  get best(): number {
    return this.#winners[1] ?? -1;
  }

  /** What it is measured by, or whether it takes part, has changed. */
  update(position: number, isIn: boolean): void {
    let node = this.#size + position;
    this.#winners[node] = isIn ? position : -1;
    for (node >>= 1; node > 0; node >>= 1) this.#decide(node);
  }

  #decide(node: number): void {
    const left = this.#winners[2 * node] ?? -1;
    const right = this.#winners[2 * node + 1] ?? -1;
    const isRight = right !== -1 && (left === -1 || this.#isBetter(right, left));
    this.#winners[node] = isRight ? right : left;
  }
}
