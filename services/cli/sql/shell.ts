/** The interactive shell: statements over many lines, each ended by `;`, with a history file. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { terminalConfig } from '../config.ts';
import { splitStatements } from './split-statements.ts';

const PROMPT = 'skein> ';
const CONTINUED_PROMPT = '    -> ';
const HISTORY_LINES = 1000;

export interface ShellActions {
  runStatement(sql: string): Promise<void>;
  /** Cancels the running statement. */
  interrupt(): void;
}

/** Ends at end of input, `exit`, `quit` or `.quit`. */
export async function runShell(actions: ShellActions): Promise<void> {
  const { historyFile } = terminalConfig();
  const input = createInterface({
    input: process.stdin,
    output: process.stdout,
    prompt: PROMPT,
    history: readHistory(historyFile),
    historySize: HISTORY_LINES,
    removeHistoryDuplicates: true,
  });
  input.on('history', (lines: readonly string[]) => writeHistory(historyFile, lines));
  await new Shell(input, actions).run();
}

class Shell {
  readonly #input: Interface;
  readonly #actions: ShellActions;
  #pending = '';
  #isRunning = false;

  constructor(input: Interface, actions: ShellActions) {
    this.#input = input;
    this.#actions = actions;
  }

  async run(): Promise<void> {
    this.#input.on('SIGINT', () => this.#onInterrupt());
    this.#input.prompt();
    for await (const line of this.#input) {
      if (this.#pending === '' && /^\s*(exit|quit|\.quit|\.exit)\s*;?\s*$/i.test(line)) break;
      await this.#onLine(line);
      this.#input.setPrompt(this.#pending === '' ? PROMPT : CONTINUED_PROMPT);
      this.#input.prompt();
    }
    this.#input.close();
  }

  async #onLine(line: string): Promise<void> {
    const { statements, rest } = splitStatements(
      this.#pending === '' ? line : `${this.#pending}\n${line}`,
    );
    this.#pending = rest;
    this.#isRunning = true;
    for (const sql of statements) await this.#actions.runStatement(sql);
    this.#isRunning = false;
  }

  /** Ctrl-C cancels what runs; at the prompt it drops what was typed. */
  #onInterrupt(): void {
    if (this.#isRunning) return this.#actions.interrupt();
    this.#pending = '';
    process.stdout.write('^C\n');
    this.#input.setPrompt(PROMPT);
    this.#input.prompt();
  }
}

function readHistory(file: string): string[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}

/** The history is a convenience: a home that cannot be written to must not end the shell. */
function writeHistory(file: string, lines: readonly string[]): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, lines.join('\n'), { mode: 0o600 });
  } catch (error) {
    process.emitWarning(`the history could not be saved: ${String(error)}`);
  }
}
