/** `skein coordinator | worker | gateway`: a small parent that keeps one role's process running. */
import { hostname } from 'node:os';
import { pino } from 'pino';
import type { ConfigValues, Role } from '../../common/config/config-keys.ts';
import { tlsFiles } from '../../common/config/tls-files.ts';
import type { Logger } from '../../common/logger.ts';
import { supervise } from '../../common/process/supervise.ts';
import { systemClock } from '../../common/system-clock.ts';
import { roleConfig } from '../config.ts';
import { ExitReporter } from '../rpc/exit-reporter.ts';
import { roleEntry } from './role-entry.ts';
import { untilSignal } from './until-signal.ts';

const STOP_GRACE_MS = 15_000;
const WRONG_CONFIGURATION = 2;
const MAX_NODE_ID_LENGTH = 64;

/** Ends with a signal, in order, or with the code of a process that cannot be started. */
export async function runRoleCommand(
  role: Exclude<Role, 'planner'>,
  argv: readonly string[],
): Promise<number> {
  // Read here too, so that wrong usage ends at once and is never retried.
  const values = roleConfig(role, argv);
  const log = pino({ name: `${role}-supervisor`, level: values.log_level }, process.stderr);
  const nodeId =
    values.node_id === ''
      ? `${hostname()}-${process.pid}`.replaceAll(/[^\w-]/g, '-').slice(-MAX_NODE_ID_LENGTH)
      : values.node_id;
  const reporter = role === 'worker' ? exitReporter(values, log) : undefined;
  const supervisor = supervise({
    name: role,
    entry: roleEntry(role),
    portFlag: `--${role}-port`,
    args: role === 'worker' ? [...argv, '--node-id', nodeId] : argv,
    clock: systemClock,
    log,
    onReady: (address) =>
      process.stdout.write(`${JSON.stringify({ ready: true, role, address })}\n`),
    onExit: (report) => void reporter?.report(nodeId, report),
  });
  const end = await Promise.race([untilSignal(), supervisor.ended]);
  if (end === undefined) await supervisor.stop(STOP_GRACE_MS);
  const { exitCode } = await supervisor.ended;
  reporter?.close();
  return exitCode === WRONG_CONFIGURATION ? WRONG_CONFIGURATION : exitCode === 0 ? 0 : 1;
}

function exitReporter(values: ConfigValues, log: Logger): ExitReporter {
  return new ExitReporter({
    coordinatorAddress: values.coordinator_address,
    tls: tlsFiles(values),
    log,
  });
}
