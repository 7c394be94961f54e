/** Shows long results through the user's pager ($PAGER, else less) on a terminal. */
import { spawn } from 'node:child_process';
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
  #pager: ReturnType<typeof startPager> | undefined;

  constructor(screenLines: number) {
    this.#screenLines = screenLines;
  }

  async write(text: string): Promise<void> {
    if (this.#pager === undefined) {
      this.#held += text;
      if (this.#held.split('\n').length < this.#screenLines) return;
      this.#pager = startPager();
      await this.#toPager(this.#held);
      this.#held = '';
    } else {
      await this.#toPager(text);
    }
  }

  async #toPager(text: string): Promise<void> {
    const stdin = this.#pager?.stdin;
    // Leaving the pager early is how people say that they have seen enough.
    if (stdin === undefined || stdin === null || stdin.destroyed || !stdin.writable) return;
    await Promise.race([writeAll(stdin, text), once(stdin, 'close')]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#pager === undefined) return await writeAll(process.stdout, this.#held);
    const ended = this.#pager.exitCode === null ? once(this.#pager, 'close') : undefined;
    this.#pager.stdin?.end();
    await ended;
  }
}

function startPager() {
  const [command = 'less', ...args] = terminalConfig().pager.split(/\s+/);
  const pager = spawn(command, args, { stdio: ['pipe', 'inherit', 'inherit'] });
  pager.stdin.on('error', () => undefined);
  pager.on('error', (error) =>
    process.stderr.write(`the pager ${command} failed: ${error.message}\n`),
  );
  return pager;
}
