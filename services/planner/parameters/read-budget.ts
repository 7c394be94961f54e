/**
 * How much may be read of what a client has sent: a few bytes of it can claim any number of values, and what is
 * read becomes part of a statement.
 */
export class ReadBudget {
  #left: number;

  constructor(limit: number) {
    this.#left = limit;
  }

  /** @throws Error when more than the limit has been spent */
  spend(amount: number): void {
    this.#left -= amount;
    if (this.#left < 0) throw new Error('there is too much of it');
  }
}
