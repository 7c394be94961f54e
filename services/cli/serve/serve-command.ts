/** `skein serve`: a whole cluster in one process tree, for one machine. */
import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import type { Role } from '../../common/config/config-keys.ts';
import { parseSessionProperties } from '../../common/session-properties.ts';
import { EngineError } from '../../common/error.ts';
import type { ExitReport } from '../../common/process/role-process.ts';
import { supervise, type Supervisor } from '../../common/process/supervise.ts';
import type { Logger } from '../../common/logger.ts';
import { systemClock } from '../../common/system-clock.ts';
import { catalogSetting } from '../embedded/sample-catalog.ts';
import type { ServeFlags } from '../main.ts';
import { ExitReporter } from '../rpc/exit-reporter.ts';
import { roleEntry } from './role-entry.ts';
import { untilSignal } from './until-signal.ts';

const DEFAULT_PORT = 7440;
const FIRST_INTERNAL_PORT = 7441;
const STOP_GRACE_MS = 15_000;
const WRONG_CONFIGURATION = 2;

/**
 * Returns the exit code: 0 = ended by a signal, in order; 1 = a role could not be kept running; 2 = wrong
 * configuration, which the role has explained.
 */
export async function runServeCommand(flags: ServeFlags): Promise<number> {
  // A wrong property is an error of the command line, not of every later query.
  parseSessionProperties(flags.set);
  const log = pino({ name: 'serve', level: flags.logLevel }, process.stderr);
  const cluster = new ServedCluster(flags, log);
  try {
    const exitCode = await serveUntilEnd(cluster);
    const isOrderly = await cluster.stop();
    return isOrderly ? exitCode : Math.max(exitCode, 1);
  } finally {
    await cluster.stop();
  }
}

async function serveUntilEnd(cluster: ServedCluster): Promise<number> {
  const signal = untilSignal();
  try {
    const address = await Promise.race([cluster.start(), signal, cluster.broken]);
    if (typeof address === 'string') {
      process.stdout.write(`${JSON.stringify({ ready: true, role: 'serve', address })}\n`);
    }
    const end = await Promise.race([signal, cluster.broken]);
    return end === undefined ? 0 : exitCodeFor(end.exitCode);
  } catch (error) {
    // A role that cannot start has explained itself.
    const exitCode = error instanceof EngineError ? error.details['exit_code'] : undefined;
    if (Number(exitCode) !== WRONG_CONFIGURATION) throw error;
    return WRONG_CONFIGURATION;
  }
}

function exitCodeFor(exitCode: number | null): number {
  return exitCode === WRONG_CONFIGURATION ? WRONG_CONFIGURATION : 1;
}

class ServedCluster {
  readonly #flags: ServeFlags;
  readonly #log: Logger;
  readonly #supervisors: { readonly role: Role; readonly supervisor: Supervisor }[] = [];
  #reporter: ExitReporter | undefined;
  #end: Promise<boolean> | undefined;
  /** One for all runs of the gateway. In the environment, since everybody may read command lines. */
  readonly #sessionSecret = randomBytes(32).toString('hex');
  #onBroken: (report: ExitReport) => void = () => undefined;
  /** Resolves when a role has ended for good. */
  readonly broken: Promise<ExitReport>;

  constructor(flags: ServeFlags, log: Logger) {
    this.#flags = flags;
    this.#log = log;
    this.broken = new Promise((resolve) => (this.#onBroken = resolve));
  }

  /** Answers the gateway's address once all workers have registered. */
  async start(): Promise<string> {
    const catalog = catalogSetting(this.#flags.catalog);
    const coordinator = this.#supervise('coordinator', 'coordinator', {
      'coordinator-port': this.#port(0),
      catalog,
    });
    const coordinatorAddress = await coordinator.ready;
    this.#reporter = new ExitReporter({ coordinatorAddress, tls: undefined, log: this.#log });
    const workers = Array.from({ length: this.#flags.workers }, (_, index) =>
      this.#supervise('worker', `worker-${index + 1}`, {
        'worker-port': this.#port(1 + index),
        'node-id': `worker-${index + 1}`,
        'coordinator-address': coordinatorAddress,
        'workers-on-machine': String(this.#flags.workers),
        catalog,
      }),
    );
    const gateway = this.#supervise('gateway', 'gateway', {
      'gateway-port': String(this.#flags.port),
      'coordinator-address': coordinatorAddress,
      'session-defaults': Object.entries(this.#flags.set)
        .map(([name, value]) => `${name}=${value}`)
        .join(','),
    });
    await Promise.all(workers.map((worker) => worker.ready));
    return await gateway.ready;
  }

  /** Whether all processes ended in order. Repeating it changes nothing. */
  stop(): Promise<boolean> {
    this.#end ??= this.#endAll();
    return this.#end;
  }

  async #endAll(): Promise<boolean> {
    const ends: boolean[] = [];
    // The gateway first: it waits for running results. The coordinator last: workers report to it.
    for (const role of ['gateway', 'worker', 'coordinator'] as const) {
      const those = this.#supervisors.filter((each) => each.role === role);
      ends.push(...(await Promise.all(those.map(({ supervisor }) => this.#stop(supervisor)))));
    }
    this.#reporter?.close();
    return ends.every((isOrderly) => isOrderly);
  }

  async #stop(supervisor: Supervisor): Promise<boolean> {
    await supervisor.stop(STOP_GRACE_MS);
    const report = await supervisor.ended;
    if (report.exitCode === 0 || report.signal === 'SIGTERM') return true;
    this.#log.error(report, `a process did not end in order: ${report.cause}`);
    return false;
  }

  /** A gateway elsewhere than 7440 is one of several clusters on the machine: its internal ports are free ones. */
  #port(offset: number): string {
    return this.#flags.port === DEFAULT_PORT ? String(FIRST_INTERNAL_PORT + offset) : '0';
  }

  #supervise(role: Role, name: string, keys: Readonly<Record<string, string>>): Supervisor {
    const args = Object.entries({ ...keys, 'log-level': this.#flags.logLevel }).map(
      ([key, value]) => `--${key}=${value}`,
    );
    const supervisor = supervise({
      name,
      entry: roleEntry(role),
      args,
      // Nobody else needs it, and planners and workers run what users write.
      environment: role === 'gateway' ? { SKEIN_SESSION_SECRET: this.#sessionSecret } : {},
      portFlag: `--${role}-port`,
      clock: systemClock,
      log: this.#log,
      onExit: (report) => {
        if (role === 'worker') void this.#reporter?.report(name, report);
      },
    });
    void supervisor.ended.then((report) => this.#onBroken(report));
    this.#supervisors.push({ role, supervisor });
    return supervisor;
  }
}
