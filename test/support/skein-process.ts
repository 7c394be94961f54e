/** The `skein` command as its users run it, from dist/. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
export const SAMPLE_DIRECTORY = join(root, 'examples', 'data');

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
  return spawn(process.execPath, [join(root, 'bin', 'skein.js'), ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
}

/** Runs the command to its end. */
export async function runSkein(args: readonly string[], input?: string): Promise<CommandResult> {
  const child = spawnSkein(args);
  child.stdin?.end(input);
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('the command has no output streams');
  const [out, err, [exitCode, signal]] = await Promise.all([
    text(stdout),
    text(stderr),
    once(child, 'close'),
  ]);
  return { exitCode, signal, stdout: out, stderr: err } as CommandResult;
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
  const address = await readyAddress(child, () => log);
  const stop = async (): Promise<number | null> => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    await closed;
    return child.exitCode;
  };
  return { address, process: child, log: () => log, stop };
}

async function readyAddress(child: ChildProcess, log: () => string): Promise<string> {
  if (child.stdout === null) throw new Error('the cluster has no standard output');
  for await (const line of createInterface({ input: child.stdout })) {
    const message = JSON.parse(line) as { ready?: boolean; role?: string; address?: string };
    if (message.ready === true && message.role === 'serve' && message.address !== undefined) {
      child.stdout.resume();
      return message.address;
    }
  }
  throw new Error(`the cluster ended before it was ready:\n${log()}`);
}
