/** The `skein` command as its users run it, from dist/. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { dirname, join } from 'node:path';

const root = projectRoot(import.meta.dirname);
export const COMMAND = join(root, 'bin', 'skein.js');
export const SAMPLE_DIRECTORY = join(root, 'examples', 'data');

/** Also from where the tests are compiled to. */
function projectRoot(directory: string): string {
  return existsSync(join(directory, 'package-lock.json'))
    ? directory
    : projectRoot(dirname(directory));
}

export interface CommandResult {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function spawnSkein(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): ChildProcess {
  return spawn(process.execPath, [COMMAND, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
}

/** Runs the command to its end. */
export async function runSkein(
  args: readonly string[],
  input?: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const child = spawnSkein(args, environment);
  child.stdin?.end(input);
  return await commandResult(child);
}

/** The output of a running command and how it ends. */
export async function commandResult(child: ChildProcess): Promise<CommandResult> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('the command has no output streams');
  const [out, err, [exitCode, signal]] = await Promise.all([
    text(stdout),
    text(stderr),
    once(child, 'close'),
  ]);
  return {
    exitCode: exitCode as number | null,
    signal: signal as NodeJS.Signals | null,
    stdout: out,
    stderr: err,
  };
}

export interface Cluster {
  /** host:port of the gateway. */
  readonly address: string;
  readonly process: ChildProcess;
  /** Standard error so far: the log. */
  log(): string;
  stop(): Promise<CommandResult['exitCode']>;
}

/** Starts `skein serve` on free ports and waits until all workers have registered. */
export async function startServe(
  options: {
    readonly workers?: number;
    readonly catalog?: string;
    readonly args?: readonly string[];
    readonly environment?: Readonly<Record<string, string>>;
  } = {},
): Promise<Cluster> {
  const { workers = 2, catalog = SAMPLE_DIRECTORY, args = [], environment = {} } = options;
  const child = spawnSkein(
    ['serve', '--port', '0', '--workers', String(workers), '--catalog', catalog, ...args],
    environment,
  );
  let log = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (log += chunk));
  const address = await readyAddress(child, 'serve', () => log);
  return { address, process: child, log: () => log, stop: () => stopProcess(child) };
}

/** Starts one role as `skein coordinator | worker | gateway` and waits for its ready line. */
export async function startRole(
  role: 'coordinator' | 'worker' | 'gateway',
  args: readonly string[],
): Promise<Cluster> {
  const child = spawnSkein([role, ...args]);
  let log = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (log += chunk));
  const address = await readyAddress(child, role, () => log);
  return { address, process: child, log: () => log, stop: () => stopProcess(child) };
}

async function stopProcess(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  await closed;
  return child.exitCode;
}

async function readyAddress(child: ChildProcess, role: string, log: () => string): Promise<string> {
  if (child.stdout === null) throw new Error('the process has no standard output');
  for await (const line of createInterface({ input: child.stdout })) {
    const message = JSON.parse(line) as { ready?: boolean; role?: string; address?: string };
    if (message.ready === true && message.role === role && message.address !== undefined) {
      child.stdout.resume();
      return message.address;
    }
  }
  throw new Error(`${role} ended before it was ready:\n${log()}`);
}
