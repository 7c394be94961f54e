/** Composition root of the coordinator: `startCoordinator` inside another process, or this file as a process. */
import { randomBytes, randomUUID } from 'node:crypto';
import { availableParallelism, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import type { Clock } from '../common/clock.ts';
import { localPathChanges } from '../common/local-path-changes.ts';
import type { Logger } from '../common/logger.ts';
import { isProcessEntry, runAsProcess } from '../common/process/run-as-process.ts';
import { sameSecret } from '../common/rpc/capability.ts';
import { serverCredentials } from '../common/rpc/credentials.ts';
import { RpcServer } from '../common/rpc/server.ts';
import { systemClock } from '../common/system-clock.ts';
import { PROTOCOL_VERSION } from '../common/version.ts';
import { defaultTree, type ResourceGroupTree } from './admission/resource-group-tree.ts';
import { ResourceGroupsFile } from './admission/resource-groups-file.ts';
import { type CoordinatorConfig, coordinatorConfigFromProcess } from './config.ts';
import { recordingsIn } from './log/file-query-log.ts';
import { KeptPlans } from './planner/kept-plans.ts';
import { PlannerPool } from './planner/planner-pool.ts';
import { PlannerProcesses } from './planner/planner-processes.ts';
import { QueryRegistry } from './query/query-registry.ts';
import { addCoordinatorServices } from './rpc/coordinator-services.ts';
import type { CoordinatorDescription } from './system/cluster-snapshot.ts';
import { SystemBuffers } from './system/system-buffers.ts';
import { NO_QUERY_LOG } from './runtime/ports.ts';
import { WorkerDirectory } from './runtime/worker-directory.ts';

export { coordinatorConfig } from './config.ts';

export interface RunningCoordinator {
  /** host:port of its gRPC services. */
  readonly address: string;
  /** Rejects when it cannot go on: no planner can be started with this configuration. */
  readonly failed: Promise<never>;
  /** Running queries get `graceMs` to end. */
  close(graceMs: number): Promise<void>;
}

export interface CoordinatorDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** The planner's module; without it, the one that is compiled beside this module. */
  readonly plannerEntry?: string;
}

/** Streams and calls that are left when all queries have ended. */
const SERVER_GRACE_MS = 1_000;
const PLANNER_GRACE_MS = 1_000;

export async function startCoordinator(
  config: CoordinatorConfig,
  deps: CoordinatorDeps,
): Promise<RunningCoordinator> {
  const { clock, log } = deps;
  // What is wrong with it is told before anything runs.
  const groupsFile = openResourceGroups(config);
  const { planner, processes } = startPlanners(config, deps);
  const resourceGroups = groupsFile?.tree ?? defaultTree(config.admission.rootLimits);
  const { registry, workers } = createCore({ ...config, resourceGroups }, deps, planner);
  groupsFile?.watch({
    clock,
    log,
    onTree: (tree) => registry.reloadResourceGroups(tree),
    onBroken: (error) => registry.noteBrokenResourceGroups(error),
  });
  const server = new RpcServer({ credentials: serverCredentials(config.tls), clock, log });
  const close = async (graceMs: number): Promise<void> => {
    server.setServing(false);
    groupsFile?.close();
    const grace = new AbortController();
    const cancelGrace = clock.schedule(graceMs, () => grace.abort());
    await registry.close(grace.signal);
    cancelGrace();
    workers.close();
    await server.shutdown({ graceMs: SERVER_GRACE_MS });
    await planner.close(PLANNER_GRACE_MS);
    processes.close();
  };
  const self = { address: '', startedAt: clock.now() };
  const describeCoordinator = (): CoordinatorDescription => ({
    ...self,
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    now: clock.now(),
  });
  addCoordinatorServices(
    server,
    {
      registry,
      workers,
      listTables: (request, signal) =>
        planner.call((client, options) => client.listTables(request, options), signal),
      describeCoordinator,
      systemBuffers: createSystemBuffers(registry, workers, describeCoordinator),
      clock,
      log,
    },
    {
      coordinatorInstanceId: randomUUID(),
      heartbeatIntervalMs: config.workers.heartbeatIntervalMs,
    },
  );
  try {
    const port = await server.listen(`${config.host}:${config.port}`);
    self.address = `${config.host}:${port}`;
  } catch (error) {
    await close(0);
    throw error;
  }
  planner.ready.then(
    () => server.setServing(true),
    () => undefined,
  );
  const failed = planner.ready.then(never);
  // Who does not listen hears of it with the first query.
  failed.catch(() => undefined);
  return { address: self.address, failed, close };
}

function openResourceGroups({ admission }: CoordinatorConfig): ResourceGroupsFile | undefined {
  const { resourceGroupsFile, rootLimits } = admission;
  return resourceGroupsFile === ''
    ? undefined
    : new ResourceGroupsFile(resourceGroupsFile, rootLimits);
}

function startPlanners(
  config: CoordinatorConfig,
  { clock, log, plannerEntry }: CoordinatorDeps,
): { readonly planner: PlannerPool; readonly processes: PlannerProcesses } {
  const { catalog, dataAccess, memoryLimitBytes, processCount, timeoutMs } = config.planner;
  const processes = new PlannerProcesses({
    entry: plannerEntry ?? fileURLToPath(new URL('../planner/main.js', import.meta.url)),
    catalog,
    dataAccess,
    memoryLimitBytes,
    logLevel: config.logLevel,
    clock,
  });
  const startProcess = () => processes.start();
  const planner = new PlannerPool({ processCount, timeoutMs, startProcess }, { clock, log });
  return { planner, processes };
}

/** Queries and workers know each other: orders go one way, facts the other. */
function createCore(
  config: CoordinatorConfig & { readonly resourceGroups: ResourceGroupTree },
  { clock, log }: CoordinatorDeps,
  planner: PlannerPool,
): { readonly registry: QueryRegistry; readonly workers: WorkerDirectory } {
  const { recordingDirectory, resourceGroups } = config;
  const workers = new WorkerDirectory(
    { protocolVersion: PROTOCOL_VERSION, ...config.workers },
    {
      listener: {
        onNodeEvent: (event) => registry.onNodeEvent(event),
        onTaskStatus: (status) => registry.onTaskStatus(status),
      },
      clock,
      log,
    },
  );
  const registry = new QueryRegistry(
    { ...config.queries, resourceGroups },
    {
      planner: new KeptPlans(planner, localPathChanges),
      cluster: workers,
      workers,
      openLog:
        recordingDirectory === '' ? () => NO_QUERY_LOG : recordingsIn(recordingDirectory, log),
      clock,
      log,
      randomBytes: (count) => Uint8Array.from(randomBytes(count)),
    },
  );
  return { registry, workers };
}

/** What the coordinator knows, as tables. */
function createSystemBuffers(
  registry: QueryRegistry,
  workers: WorkerDirectory,
  describeCoordinator: () => CoordinatorDescription,
): SystemBuffers {
  return new SystemBuffers({
    findQuery: (queryId, principal) => registry.find(queryId, principal),
    snapshotFor: (principal) => ({
      queries: registry.queriesOf(principal).map((query) => {
        return { report: query.report(), stages: query.describeStages() };
      }),
      coordinator: describeCoordinator(),
      workers: workers.describe(),
      resourceGroups: registry.resourceGroups(),
    }),
    sameSecret,
  });
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}

if (isProcessEntry(import.meta.url)) {
  await runAsProcess('coordinator', () => {
    const config = coordinatorConfigFromProcess();
    const log = pino({ name: 'coordinator', level: config.logLevel }, process.stderr);
    return startCoordinator(config, { clock: systemClock, log });
  });
}
