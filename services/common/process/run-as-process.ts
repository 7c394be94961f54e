/** What every role's process does alike: the ready line, signals, and an end with its parent. */
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { EngineError, toErrorReport } from '../error.ts';
import { isSupervised } from './config.ts';

export interface RunningRole {
  /** host:port (or unix:PATH) of its gRPC services. */
  readonly address: string;
  /** Ends in order; what is still running after `graceMs` is cut off. */
  close(graceMs: number): Promise<void>;
  /** Rejects when the role cannot go on; the process then ends with code 1. */
  readonly failed?: Promise<never>;
}

/** Whether this module is what node was started with, and not imported by another. */
export function isProcessEntry(moduleUrl: string): boolean {
  const entry = process.argv[1];
  return entry !== undefined && realpathSync(entry) === fileURLToPath(moduleUrl);
}

const SHUTDOWN_GRACE_MS = 10_000;

/**
 * Starts a role and keeps it until SIGTERM, SIGINT or the end of standard input, which a supervising parent holds
 * open: the child ends with its parent, however that ended. A second signal forces the end. Exit codes: 0 ended in
 * order, 1 failed, 2 wrong configuration.
 */
export async function runAsProcess(role: string, start: () => Promise<RunningRole>): Promise<void> {
  let running: RunningRole;
  try {
    running = await start();
  } catch (error) {
    process.exitCode = reportFailure(error);
    return;
  }
  // Before the ready line: whoever reads it may ask for the end at once.
  const requested = endRequested();
  process.stdout.write(`${JSON.stringify({ ready: true, role, address: running.address })}\n`);
  const failure =
    running.failed?.catch((error: unknown) => error) ?? new Promise<never>(() => undefined);
  const end = await Promise.race([requested, failure.then((error) => ({ error }))]);
  if (end !== undefined) process.exitCode = reportFailure(end.error);
  process.once('SIGTERM', forceEnd);
  process.once('SIGINT', forceEnd);
  await running.close(SHUTDOWN_GRACE_MS);
  // Handles of libraries that are still open must not keep an ended role alive.
  process.exit(process.exitCode ?? 0);
}

function reportFailure(error: unknown): number {
  const report = toErrorReport(error);
  process.stderr.write(`${report.code}: ${report.message}\n`);
  // There is no log for what ends the process.
  if (!(error instanceof EngineError) && error instanceof Error) {
    process.stderr.write(`${error.stack ?? ''}\n`);
  }
  return report.code === 'INVALID_CONFIGURATION' ? 2 : 1;
}

function endRequested(): Promise<undefined> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve(undefined));
    process.once('SIGINT', () => resolve(undefined));
    if (!isSupervised()) return;
    process.stdin.once('end', () => resolve(undefined));
    process.stdin.once('error', () => resolve(undefined));
    process.stdin.resume();
  });
}

/** Not `exit`, which would tear down isolates that execute DuckDB statements and abort the process. */
function forceEnd(): void {
  process.kill(process.pid, 'SIGKILL');
}
