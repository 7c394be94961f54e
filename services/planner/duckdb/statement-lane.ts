import { type DuckDBConnection, type DuckDBPreparedStatement } from '@duckdb/node-api';

/** A connection that runs one statement at a time: a second one would interrupt the first. */
export class StatementLane {
  readonly #connection: DuckDBConnection;
  readonly #prepared = new Map<string, DuckDBPreparedStatement>();
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  /** Statements that are running or queued here. */
  get load(): number {
    return this.#waiting;
  }

  /** The first column of the one row that `statement`, with one VARCHAR parameter, answers. */
  async scalar(statement: string, parameter: string): Promise<string> {
    return await this.run(async () => {
      const prepared = await this.#prepare(statement);
      prepared.bindVarchar(1, parameter);
      const value = (await prepared.runAndReadAll()).getRows()[0]?.[0];
      if (typeof value !== 'string') throw new Error(`${statement} answered no text`);
      return value;
    });
  }

  /** Runs `work` when all before it is settled. */
  async run<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    this.#waiting += 1;
    const turn = this.#tail.then(async () => await work(this.#connection));
    this.#tail = turn.then(
      () => undefined,
      () => undefined,
    );
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Waits for what runs, then disconnects. */
  async close(): Promise<void> {
    await this.run(async () => {
      for (const prepared of this.#prepared.values()) prepared.destroySync();
      this.#connection.disconnectSync();
      return await Promise.resolve();
    });
  }

  async #prepare(statement: string): Promise<DuckDBPreparedStatement> {
    const known = this.#prepared.get(statement);
    if (known !== undefined) return known;
    const prepared = await this.#connection.prepare(statement);
    this.#prepared.set(statement, prepared);
    return prepared;
  }
}
