import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT } from '../root.ts';

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;

export interface ClusterOptions {
  readonly catalogDirectory: string;
  readonly workers: number;
  readonly coresPerWorker: number;
  /** Where the processes' logs go. */
  readonly logFile: string;
}

/** A cluster in processes of its own: `skein serve` on free ports. */
export interface RunningCluster {
  /** host:port of the gateway. */
  readonly address: string;
  /** The process that all others descend from. */
  readonly processId: number;
  /** Ends the cluster in order. @throws when it has to be killed or ended with a failure. */
  stop(): Promise<void>;
}

/** Resolves when all workers have registered. */
export async function startCluster(options: ClusterOptions): Promise<RunningCluster> {
  const child = spawn(
    process.execPath,
    [
      join(ROOT, 'bin', 'skein.js'),
      'serve',
      `--catalog=${options.catalogDirectory}`,
      `--workers=${options.workers}`,
      '--port=0',
      '--log-level=warn',
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        // On a machine that is busy with something else a worker may be silent for longer than is usual.
        SKEIN_HEARTBEAT_TIMEOUT: '30s',
        ...process.env,
        SKEIN_CORES: String(options.coresPerWorker),
      },
    },
  );
  child.stderr.pipe(createWriteStream(options.logFile));
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code ?? '?'}`));
  });
  const forget = endWithThisProcess(child, exited);
  const address = await readyAddress(child, exited).catch((error: unknown) => {
    forget();
    child.kill('SIGKILL');
    throw new Error(`the cluster did not start; its log ends with:\n${tailOf(options.logFile)}`, {
      cause: error,
    });
  });
  if (child.pid === undefined) throw new Error('a started process has an id');
  const stop = async (): Promise<void> => {
    forget();
    await stopProcess(child, exited);
  };
  return { address, processId: child.pid, stop };
}

/** A signal that ends this process ends the cluster first; until the answer is called. */
function endWithThisProcess(child: ChildProcess, exited: Promise<string>): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const onSignal = (signal: NodeJS.Signals): void => {
    forget();
    const goOn = (): boolean => process.kill(process.pid, signal);
    stopProcess(child, exited).then(goOn, goOn);
  };
  const forget = (): void => {
    for (const signal of signals) process.off(signal, onSignal);
  };
  for (const signal of signals) process.on(signal, onSignal);
  return forget;
}

async function readyAddress(child: ChildProcess, exited: Promise<string>): Promise<string> {
  const { stdout } = child;
  if (stdout === null) throw new Error('standard output is a pipe');
  const lines = createInterface({ input: stdout });
  const ready = new Promise<string>((resolve) => {
    lines.on('line', (line) => {
      const address = parseReadyLine(line);
      if (address !== undefined) resolve(address);
    });
  });
  const ended = exited.then((how) => Promise.reject(new Error(`it ended with ${how}`)));
  return await withTimeout(Promise.race([ready, ended]), START_TIMEOUT_MS);
}

/** `{"ready":true,"role":"serve","address":"127.0.0.1:7440"}`; other lines are somebody else's. */
function parseReadyLine(line: string): string | undefined {
  if (!line.startsWith('{')) return undefined;
  const message = JSON.parse(line) as { ready?: boolean; role?: string; address?: string };
  return message.ready === true && message.role === 'serve' ? message.address : undefined;
}

async function stopProcess(child: ChildProcess, exited: Promise<string>): Promise<void> {
  child.kill('SIGTERM');
  try {
    const how = await withTimeout(exited, STOP_TIMEOUT_MS);
    if (how !== 'exit code 0' && how !== 'SIGTERM')
      throw new Error(`the cluster ended with ${how}`);
  } finally {
    child.kill('SIGKILL');
  }
}

async function withTimeout<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing for ${timeoutMs} ms`)), timeoutMs);
  });
  return await Promise.race([promise, timeout]).finally(() => clearTimeout(timer));
}

function tailOf(file: string): string {
  return readFileSync(file, 'utf8').split('\n').slice(-30).join('\n');
}
