/**
 * A whole cluster in this process, beside a planner child process, over loopback gRPC: the same code as separate
 * processes run.
 */
import { pino } from 'pino';
import { type ConfigValues, type Role } from '../../common/config/config-keys.ts';
import { readConfig } from '../../common/config/read-config.ts';
import { systemClock } from '../../common/system-clock.ts';
import { coordinatorConfig } from '../../coordinator/config.ts';
import { startCoordinator } from '../../coordinator/main.ts';
import { gatewayConfig } from '../../gateway/config.ts';
import { startGateway } from '../../gateway/main.ts';
import { workerConfig } from '../../worker/config.ts';
import { processCpuMeter, startWorker } from '../../worker/main.ts';
import { roleEntry, slotThreadEntry } from '../serve/role-entry.ts';
import { catalogSetting } from './sample-catalog.ts';

export interface EmbeddedOptions {
  /** As `--catalog` takes them; none = the TPC-H sample. */
  readonly catalogs: readonly string[];
  readonly workers: number;
  readonly sessionDefaults: Readonly<Record<string, string>>;
  readonly logLevel: string;
}

export interface EmbeddedCluster {
  /** host:port of the gateway. */
  readonly address: string;
  close(): Promise<void>;
}

interface Part {
  readonly address: string;
  close(graceMs: number): Promise<void>;
}

const SHUTDOWN_GRACE_MS = 5_000;

export async function startEmbeddedCluster(options: EmbeddedOptions): Promise<EmbeddedCluster> {
  const log = pino({ level: options.logLevel }, process.stderr);
  const deps = {
    clock: systemClock,
    log,
    plannerEntry: roleEntry('planner'),
    threadEntry: slotThreadEntry(),
  };
  const cpu = processCpuMeter();
  const catalog = catalogSetting(options.catalogs);
  const running: Part[] = [];
  const start = async (part: Promise<Part>): Promise<Part> => {
    const started = await part;
    running.unshift(started);
    return started;
  };
  const close = async (): Promise<void> => {
    for (const part of running) await part.close(SHUTDOWN_GRACE_MS);
  };
  try {
    const coordinator = await start(
      startCoordinator(
        coordinatorConfig(
          configOf('coordinator', { coordinator_port: '0', catalog, log_level: options.logLevel }),
        ),
        deps,
      ),
    );
    const workers = Array.from({ length: options.workers }, (_, index) =>
      start(
        startWorker(
          workerConfig(workerValues(options, { index, catalog, coordinator: coordinator.address })),
          { ...deps, cpu },
        ),
      ),
    );
    await Promise.all(workers);
    const flags = { gateway_port: '0', coordinator_address: coordinator.address };
    const gateway = {
      ...gatewayConfig(configOf('gateway', flags)),
      sessionDefaults: options.sessionDefaults,
    };
    const { address } = await start(startGateway(gateway, deps));
    return { address, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function workerValues(
  options: EmbeddedOptions,
  worker: { readonly index: number; readonly catalog: string; readonly coordinator: string },
): ConfigValues {
  return configOf('worker', {
    worker_port: '0',
    node_id: `worker-${worker.index + 1}`,
    coordinator_address: worker.coordinator,
    catalog: worker.catalog,
    workers_on_machine: String(options.workers),
  });
}

function configOf(role: Role, flags: Readonly<Record<string, string>>): ConfigValues {
  return readConfig(role, { file: {}, environment: process.env, flags });
}
