import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Oracle } from '../tpcds/answer-match.ts';
import type { Answer } from './answer.ts';
import type { DuckDBRequest, DuckDBResponse } from './duckdb-child.ts';

type ResponseOf<Kind extends DuckDBResponse['kind']> = Extract<DuckDBResponse, { kind: Kind }>;

/** Plain DuckDB in a child process: the opponent, and the judge of every answer. */
export class DuckDBProcess implements Oracle {
  readonly #child: ChildProcess;
  readonly version: string;

  private constructor(child: ChildProcess, version: string) {
    this.#child = child;
    this.version = version;
  }

  /** Starts it with `threads` threads and runs the statements of `setUp`. */
  static async start(threads: number, setUp: readonly string[]): Promise<DuckDBProcess> {
    const child = fork(join(import.meta.dirname, 'duckdb-child.js'), {
      serialization: 'advanced',
    });
    const { version } = await ask(child, { kind: 'open', threads, setUp }, 'opened');
    return new DuckDBProcess(child, version);
  }

  get processId(): number {
    return this.#child.pid ?? 0;
  }

  /** Seconds from the call to the last row, as measured inside the process. */
  async time(sql: string): Promise<number> {
    return (await ask(this.#child, { kind: 'time', sql }, 'timed')).seconds;
  }

  async answer(sql: string): Promise<Answer> {
    return (await ask(this.#child, { kind: 'answer', sql }, 'answered')).answer;
  }

  async orderKeys(sql: string, answer: Answer): Promise<Answer | undefined> {
    return (await ask(this.#child, { kind: 'order-keys', sql, answer }, 'ordered')).keys;
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }
}

async function ask<Kind extends DuckDBResponse['kind']>(
  child: ChildProcess,
  request: DuckDBRequest,
  expected: Kind,
): Promise<ResponseOf<Kind>> {
  const response = new Promise<DuckDBResponse>((resolve, reject) => {
    const onExit = (): void => reject(new Error(`DuckDB's process ended during: ${request.kind}`));
    child.once('exit', onExit);
    child.once('message', (message: DuckDBResponse) => {
      child.off('exit', onExit);
      resolve(message);
    });
  });
  child.send(request);
  const message = await response;
  if (message.kind === 'failed') throw new Error(message.message);
  if (message.kind !== expected) throw new Error(`expected ${expected}, not ${message.kind}`);
  return message as ResponseOf<Kind>;
}
