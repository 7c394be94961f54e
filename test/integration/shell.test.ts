import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/process-tree.ts';
import { SkeinClient } from '../support/skein-client.ts';
import { SLOW_JOIN } from '../support/slow-statements.ts';
import { type Cluster, COMMAND, startServe } from '../support/skein-process.ts';

/** util-linux; without it there is no pseudo terminal to try the shell on. */
const hasScript = spawnSync('script', ['--version']).status === 0;
const name = hasScript
  ? 'the interactive shell'
  : 'the interactive shell (no `script` command here)';

let directory: string;
let cluster: Cluster;
let client: SkeinClient;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'skein-shell-'));
  cluster = await startServe();
  client = new SkeinClient(cluster.address);
});
afterAll(async () => {
  client[Symbol.dispose]();
  expect(await cluster.stop()).toBe(0);
  rmSync(directory, { recursive: true });
});

/** `skein sql` on a pseudo terminal of 80 columns and 24 lines. */
class Terminal {
  readonly #child: ChildProcess;
  #screen = '';

  constructor(environment: Readonly<Record<string, string>> = {}) {
    const command = `stty cols 80 rows 24; ${process.execPath} ${COMMAND} sql --server ${cluster.address}`;
    this.#child = spawn('script', ['-qec', command, '/dev/null'], {
      env: {
        ...process.env,
        XDG_STATE_HOME: directory,
        PAGER: 'cat',
        TERM: 'xterm',
        ...environment,
      },
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#screen += text));
  }

  /** All that was shown, without colours and movements of the cursor. */
  get screen(): string {
    // eslint-disable-next-line no-control-regex -- escape sequences are what it is about
    return this.#screen.replaceAll(/\x1b\[[\d;?]*[A-Za-z]/g, '').replaceAll('\r', '');
  }

  type(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  /** Waits until the text has been shown, behind what was there before. */
  async shows(text: string, from = 0): Promise<void> {
    await eventually(
      () => (this.screen.slice(from).includes(text) ? true : undefined),
      `the terminal shows ${text}`,
    );
  }

  async ended(): Promise<number | null> {
    if (this.#child.exitCode === null) await once(this.#child, 'close');
    return this.#child.exitCode;
  }
}

describe.skipIf(!hasScript)(name, () => {
  it('runs statements over many lines, goes on after errors, and leaves at exit', async () => {
    const terminal = new Terminal();
    await terminal.shows('skein> ');
    terminal.type('SELECT 40 + 2\n');
    await terminal.shows('    -> ');
    terminal.type("AS answer, ';' AS text;\n");
    await terminal.shows('(1 row)');
    expect(terminal.screen).toContain('│     42 │ ;    │');
    terminal.type('SELECT nosuch FROM nation;\n');
    await terminal.shows('COLUMN_NOT_FOUND: ');
    await terminal.shows('LINE 1: SELECT nosuch FROM nation');
    const from = terminal.screen.length;
    terminal.type('SELECT 1 AS a; SELECT 2 AS b;\n');
    await terminal.shows('│ 2 │', from);
    expect(terminal.screen.slice(from)).toContain('│ 1 │');
    terminal.type('exit\n');
    expect(await terminal.ended()).toBe(0);
    expect(readFileSync(join(directory, 'skein', 'history'), 'utf8')).toContain('40 + 2');
  });

  it('shows long results in the pager', async () => {
    const terminal = new Terminal({ PAGER: 'sed s/^/paged:/' });
    await terminal.shows('skein> ');
    terminal.type('FROM range(100);\n');
    await terminal.shows('paged:(100 rows)');
    terminal.type('SELECT 1;\n');
    await terminal.shows('\n(1 row)');
    terminal.type('\x04');
    expect(await terminal.ended()).toBe(0);
  });

  it('shows long results without a pager where there is none', async () => {
    const terminal = new Terminal({ PAGER: 'no-such-pager' });
    await terminal.shows('skein> ');
    terminal.type('FROM range(100);\n');
    await terminal.shows('the pager no-such-pager cannot be started');
    await terminal.shows('(100 rows)');
    terminal.type('exit\n');
    expect(await terminal.ended()).toBe(0);
  });

  it('shows progress, cancels at Ctrl-C, and goes on', async () => {
    const terminal = new Terminal();
    await terminal.shows('skein> ');
    terminal.type(`${SLOW_JOIN};\n`);
    await terminal.shows('  RUNNING  ');
    const { queries } = await client.list(1);
    terminal.type('\x03');
    await terminal.shows('QUERY_CANCELLED: ');
    const ended = await client.untilEnded(queries[0]?.queryId ?? '');
    expect(ended.error?.code).toBe('QUERY_CANCELLED');
    const from = terminal.screen.length;
    terminal.type('SELECT 7 *\n');
    await terminal.shows('    -> ', from);
    // At the prompt it drops what was typed.
    terminal.type('\x03');
    await terminal.shows('^C', from);
    terminal.type('SELECT 6 * 7 AS answer;\n');
    await terminal.shows('│     42 │', from);
    terminal.type('quit\n');
    expect(await terminal.ended()).toBe(0);
  });
});
