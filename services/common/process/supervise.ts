import type { Logger } from '../logger.ts';
import { type ExitReport, RoleProcess, type RoleProcessOptions } from './role-process.ts';

export interface SuperviseOptions extends RoleProcessOptions {
  readonly name: string;
  /** The flag of the role's port: later runs listen where the first one did, since others know that address. */
  readonly portFlag?: string;
  readonly log: Logger;
  /** Told of every end that was not asked for. */
  readonly onExit: (report: ExitReport) => void;
  /** Told of every start, with the address. */
  readonly onReady?: (address: string) => void;
}

export interface Supervisor {
  /** Address of the first run; rejects when that never gets ready. */
  readonly ready: Promise<string>;
  /** Resolves with the last report once nothing runs any more. */
  readonly ended: Promise<ExitReport>;
  stop(graceMs: number): Promise<void>;
}

const FIRST_RESTART_DELAY_MS = 100;
const MAX_RESTART_DELAY_MS = 10_000;
/** A run of this length clears the record of earlier failures. */
const STABLE_RUN_MS = 30_000;
/** Exit codes that another start cannot mend: 2 = wrong configuration. */
const FINAL_EXIT_CODES: readonly (number | null)[] = [2];

/** Keeps a role's process running: restarts it with growing delays, and reports how each run ended. */
export function supervise(options: SuperviseOptions): Supervisor {
  const stopping = new AbortController();
  let current = new RoleProcess(options);
  const { ready } = current;
  const ended = (async (): Promise<ExitReport> => {
    let delayMs = FIRST_RESTART_DELAY_MS;
    for (;;) {
      const startedAt = options.clock.now();
      current.ready.then(options.onReady, () => undefined);
      const report = await current.exited;
      if (stopping.signal.aborted) return report;
      options.log.error(
        { role: options.name, ...report },
        `the ${options.name} process ended: ${report.cause}`,
      );
      options.onExit(report);
      if (FINAL_EXIT_CODES.includes(report.exitCode)) return report;
      delayMs =
        options.clock.now() - startedAt > STABLE_RUN_MS
          ? FIRST_RESTART_DELAY_MS
          : Math.min(2 * delayMs, MAX_RESTART_DELAY_MS);
      if (!(await waited(options, delayMs, stopping.signal))) return report;
      current = new RoleProcess({ ...options, args: await argsOfRestart(options, ready) });
    }
  })();
  const stop = async (graceMs: number): Promise<void> => {
    stopping.abort();
    await current.stop(graceMs);
    await ended;
  };
  return { ready, ended, stop };
}

async function argsOfRestart(
  { args, portFlag }: SuperviseOptions,
  firstAddress: Promise<string>,
): Promise<readonly string[]> {
  if (portFlag === undefined) return args;
  const address = await firstAddress.catch(() => undefined);
  const port = address?.slice(address.lastIndexOf(':') + 1);
  return port === undefined ? args : [...args, `${portFlag}=${port}`];
}

/** Whether the delay passed without a stop. */
async function waited(
  options: SuperviseOptions,
  delayMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await options.clock.sleep(delayMs, signal);
    return true;
  } catch {
    return false;
  }
}
