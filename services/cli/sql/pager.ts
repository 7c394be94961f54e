/** Shows long results through the user's pager ($PAGER, else less) on a terminal. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { terminalConfig } from '../config.ts';
import { writeAll } from './write-all.ts';

export interface PagedOutput extends AsyncDisposable {
  write(text: string): Promise<void>;
}

/** `paged: false` writes to standard output. The pager starts when the result is longer than the screen. */
export function openPager(options: { readonly paged: boolean }): PagedOutput {
  if (!options.paged) {
    return {
      write: (text) => writeAll(process.stdout, text),
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
  return new Pager(process.stdout.rows || 24);
}

class Pager implements PagedOutput {
  readonly #screenLines: number;
  #held = '';
  /** Where the text goes once it is longer than the screen. */
  #target: ChildProcess | 'standard-output' | undefined;

  constructor(screenLines: number) {
    this.#screenLines = screenLines;
  }

  async write(text: string): Promise<void> {
    if (this.#target !== undefined) return await this.#pass(text);
    this.#held += text;
    if (this.#held.split('\n').length < this.#screenLines) return;
    this.#target = (await startPager()) ?? 'standard-output';
    await this.#pass(this.#held);
    this.#held = '';
  }

  async #pass(text: string): Promise<void> {
    if (this.#target === undefined || this.#target === 'standard-output')
      return await writeAll(process.stdout, text);
    const { stdin } = this.#target;
    // Leaving the pager early is how people say that they have seen enough.
    if (stdin === null || stdin.destroyed || !stdin.writable) return;
    await Promise.race([writeAll(stdin, text), once(stdin, 'close')]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const target = this.#target;
    if (target === undefined) return await this.#pass(this.#held);
    if (target === 'standard-output') return;
    const ended = target.exitCode === null ? once(target, 'close') : undefined;
    target.stdin?.end();
    await ended;
  }
}

/** undefined = there is no such program; its user knows then. */
async function startPager(): Promise<ChildProcess | undefined> {
  const [command = 'less', ...args] = terminalConfig().pager.split(/\s+/);
  const pager = spawn(command, args, { stdio: ['pipe', 'inherit', 'inherit'] });
  pager.stdin.on('error', () => undefined);
  try {
    await once(pager, 'spawn');
    return pager;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`the pager ${command} cannot be started: ${reason}\n`);
    return undefined;
  }
}
