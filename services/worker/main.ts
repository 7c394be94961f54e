/** Composition root of a worker: `startWorker` inside another process, or this file as a process. */
import { randomInt, randomUUID, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import { pino } from 'pino';
import { assert } from '../common/assert.ts';
import type { Clock } from '../common/clock.ts';
import { ExchangeClient } from '../common/exchange/exchange-client.ts';
import { routedPageSource } from '../common/exchange/page-source.ts';
import { type NodeId, type NodeInstanceId, parseNodeId } from '../common/ids.ts';
import type { Logger } from '../common/logger.ts';
import type { OutputLocation } from '../common/plan/split.ts';
import { isProcessEntry, runAsProcess } from '../common/process/run-as-process.ts';
import { seededRandom } from '../common/random.ts';
import { RpcChannel } from '../common/rpc/channel.ts';
import { channelCredentials, serverCredentials } from '../common/rpc/credentials.ts';
import { exchangeHandlers } from '../common/rpc/exchange-handlers.ts';
import { GrpcExchangePages } from '../common/rpc/exchange-page-source.ts';
import { exchangeService } from '../common/rpc/exchange-wire.ts';
import { RpcServer } from '../common/rpc/server.ts';
import { COORDINATOR_NODE_ID } from '../common/system/coordinator-location.ts';
import { systemClock } from '../common/system-clock.ts';
import { PROTOCOL_VERSION, VERSION } from '../common/version.ts';
import { type WorkerConfig, workerConfigFromProcess } from './config.ts';
import type { EngineDescription } from './duckdb/slot-messages.ts';
import { SlotPool } from './duckdb/slot-pool.ts';
import { InputQueue } from './input/input-queue.ts';
import { MemoryBroker } from './memory/memory-broker.ts';
import { PageMemoryPool } from './output/page-memory-pool.ts';
import { TaskOutputs } from './output/task-outputs.ts';
import { ControlStream, type NodeDescription } from './rpc/control-stream.ts';
import { dialOver } from './rpc/dial-coordinator.ts';
import { openRunDirectory, sweepDeadRuns } from './spill/run-directory.ts';
import { DiskBudget } from './spill/disk-budget.ts';
import { RetainedDirectory } from './spill/retained-directory.ts';
import { SpillDirectory } from './spill/spill-directory.ts';
import { CpuMeter } from './task/cpu-meter.ts';
import { NodeIdentity } from './task/node-identity.ts';
import { TaskManager } from './task/task-manager.ts';
import type { TaskPorts } from './task/task-ports.ts';

export { workerConfig } from './config.ts';

export interface RunningWorker {
  /** host:port by which others read its pages. */
  readonly address: string;
  readonly nodeId: NodeId;
  /** Rejects when the coordinator refuses this worker. */
  readonly failed: Promise<never>;
  /** Lets the running tasks end, for `graceMs` at most, leaves the cluster and ends. */
  close(graceMs: number): Promise<void>;
}

export interface WorkerDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** The compiled slot-thread; without it, the one beside this module. */
  readonly threadEntry?: URL;
  /** The process's meter, where several workers run in one. */
  readonly cpu?: CpuMeter;
}

/** One a process. */
export function processCpuMeter(): CpuMeter {
  return new CpuMeter(() => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  });
}

/** What is left of calls when all tasks have ended. */
const SERVER_GRACE_MS = 1_000;
const GOODBYE_GRACE_MS = 1_000;
const MAX_NODE_ID_LENGTH = 64;
/** An ended task is remembered so long, so that a repeated order does not start it again. */
const ENDED_TASK_MAX_AGE_MS = 300_000;
/** Of sessions that set nothing: slots are opened for it before the first task comes. */
const USUAL_SETTINGS = { TimeZone: 'UTC' };

export async function startWorker(config: WorkerConfig, deps: WorkerDeps): Promise<RunningWorker> {
  const { clock, log } = deps;
  const server = new RpcServer({ credentials: serverCredentials(config.tls), clock, log });
  const port = await server.listen(`${config.host}:${config.port}`);
  const address = `${config.advertisedHost}:${port}`;
  const identity = createIdentity(config, port);
  await sweepDeadRuns(config.spillDirectory, deps);
  const own = await openRunDirectory(config.spillDirectory, identity.instanceId);
  const pool = createPool(config, deps, own.path);
  const pages = createPages(config, deps, { identity, runDirectory: own.path });
  server.addService(exchangeService, exchangeHandlers(pages.outputs));
  let member: Member | undefined;
  const close = async (graceMs: number): Promise<void> => {
    server.setServing(false);
    await member?.leave(graceMs);
    await server.shutdown({ graceMs: SERVER_GRACE_MS });
    await pool.close();
    await pages.close();
    await own.close();
  };
  try {
    const engine = await pool.prewarm();
    member = joinCluster(config, deps, { address, identity, pool, pages, engine });
    await Promise.race([member.ready, member.failed]);
    server.setServing(true);
    return { address, nodeId: identity.nodeId, failed: member.failed, close };
  } catch (error) {
    await close(0);
    throw error;
  }
}

function createIdentity(config: WorkerConfig, port: number): NodeIdentity {
  const madeUp = `worker-${config.advertisedHost}-${port}`.replaceAll(/[^A-Za-z0-9_-]/g, '-');
  const nodeId = config.nodeId ?? parseNodeId(madeUp.slice(0, MAX_NODE_ID_LENGTH));
  assert(nodeId !== undefined, 'host and port make a node id');
  return new NodeIdentity(nodeId, () => randomUUID() as NodeInstanceId);
}

function createPool(config: WorkerConfig, deps: WorkerDeps, runDirectory: string): SlotPool {
  return new SlotPool(
    {
      threadEntry: deps.threadEntry ?? new URL('./duckdb/slot-thread.js', import.meta.url),
      slotCount: config.taskConcurrency,
      cores: config.cores,
      allowedDirectories: config.dataDirectories,
      dataAccess: config.dataAccess,
      spillDirectory: join(runDirectory, 'slots'),
      spillLimitBytes: config.spillLimitBytes,
      settings: USUAL_SETTINGS,
    },
    {
      memory: new MemoryBroker(config.memory.slotBytes),
      cpu: deps.cpu ?? processCpuMeter(),
      log: deps.log,
    },
  );
}

/** Pages that tasks keep, and where they come from. */
interface Pages {
  readonly memory: PageMemoryPool;
  readonly outputs: TaskOutputs;
  readonly createInput: TaskPorts['createInput'];
  close(): Promise<void>;
}

function createPages(
  config: WorkerConfig,
  { clock, log }: WorkerDeps,
  own: { readonly identity: NodeIdentity; readonly runDirectory: string },
): Pages {
  const { identity, runDirectory } = own;
  const memory = new PageMemoryPool(config.memory.pageBytes);
  const disk = new DiskBudget(config.spillLimitBytes);
  const retained = new RetainedDirectory(join(runDirectory, 'outputs'), { budget: disk, log });
  const outputs = new TaskOutputs({
    memory,
    openPageFile: (name) => retained.openFile(name),
    clock,
    random: seededRandom(randomInt(2 ** 31)),
    get nodeInstanceId() {
      return identity.instanceId;
    },
    sameSecret: (a, b) => a.length === b.length && timingSafeEqual(a, b),
  });
  const remote = new GrpcExchangePages({
    credentials: channelCredentials(config.tls),
    clock,
    addressOf: ({ nodeId, address }) =>
      nodeId === COORDINATOR_NODE_ID ? config.coordinatorAddress : address,
  });
  const isLocal = ({ nodeId, nodeInstanceId }: OutputLocation): boolean =>
    nodeId === identity.nodeId && nodeInstanceId === identity.instanceId;
  const source = routedPageSource({ isLocal, local: outputs, remote });
  const spill = new SpillDirectory(join(runDirectory, 'inputs'), disk);
  const createInput: TaskPorts['createInput'] = (
    { update, source: remoteSource, isReread },
    listener,
  ) => {
    const ticket = { capability: update.capability, principal: update.principal };
    return new InputQueue({
      supply: new ExchangeClient({ source, ticket, clock, log }),
      memory,
      openSpillFile: () => spill.openFile(),
      listener,
      rowLimit: remoteSource.rowLimit,
      isReread,
    });
  };
  const close = async (): Promise<void> => {
    remote.close();
    await spill.close();
    await retained.close();
  };
  return { memory, outputs, createInput, close };
}

interface Member {
  /** The coordinator has welcomed this worker. */
  readonly ready: Promise<void>;
  readonly failed: Promise<never>;
  leave(graceMs: number): Promise<void>;
}

interface MemberParts {
  readonly address: string;
  readonly identity: NodeIdentity;
  readonly pool: SlotPool;
  readonly pages: Pages;
  readonly engine: EngineDescription;
}

function joinCluster(config: WorkerConfig, deps: WorkerDeps, parts: MemberParts): Member {
  const { clock, log } = deps;
  const { identity, pool, pages } = parts;
  const tasks = new TaskManager(
    {
      identity,
      clientTimeoutMs: config.taskClientTimeoutMs,
      endedTaskMaxAgeMs: ENDED_TASK_MAX_AGE_MS,
    },
    {
      clock,
      log,
      ports: {
        slots: pool,
        createInput: pages.createInput,
        createOutput: (update, fragment, onChange) =>
          pages.outputs.create(update, fragment.outputs, onChange),
        releaseOutput: (taskId) => pages.outputs.release(taskId),
        releaseAllOutputs: () => pages.outputs.releaseAll(),
      },
      onStatus: (status) => control.report(status),
    },
  );
  const channel = coordinatorChannel(config, deps);
  const control = new ControlStream(
    { node: describeNode(config, parts), onDrain: () => void drain() },
    {
      dial: dialOver(channel),
      identity,
      orders: tasks,
      load: () => ({
        pageMemoryBytes: pages.memory.usedBytes,
        slotMemoryBytes: pool.leasedBytes,
      }),
      clock,
      log,
    },
  );
  const failed = control.run().then(() => new Promise<never>(() => undefined));
  failed.catch(() => undefined);
  let drained: Promise<void> | undefined;
  /** Once, however often it is ordered. */
  const drain = (): Promise<void> => {
    drained ??= (async () => {
      tasks.drain();
      control.beat();
      await tasks.idle();
      await pages.outputs.untilReleased();
      log.info({}, 'the worker is drained and leaves the cluster');
      await control.close(GOODBYE_GRACE_MS);
    })();
    return drained;
  };
  const leave = async (graceMs: number): Promise<void> => {
    const tooLong = (): void => tasks.abandonAll('the worker is shutting down');
    const cancel = clock.schedule(graceMs, tooLong);
    await drain();
    cancel();
    tasks.close();
    channel.close();
  };
  return { ready: control.ready, failed, leave };
}

function coordinatorChannel(config: WorkerConfig, { clock }: WorkerDeps): RpcChannel {
  const address = config.coordinatorAddress;
  return new RpcChannel({
    address,
    credentials: channelCredentials(config.tls),
    clock,
    peer: { unavailable: 'COORDINATOR_UNAVAILABLE', details: { address } },
  });
}

function describeNode(config: WorkerConfig, parts: MemberParts): NodeDescription {
  return {
    protocolVersion: PROTOCOL_VERSION,
    address: parts.address,
    version: VERSION,
    cores: config.cores,
    memoryBytes: BigInt(config.workerBytes),
    taskConcurrency: config.taskConcurrency,
    labels: config.labels,
    location: config.location,
    ...parts.engine,
  };
}

if (isProcessEntry(import.meta.url)) {
  await runAsProcess('worker', async () => {
    const config = workerConfigFromProcess();
    const log = pino({ name: 'worker', level: config.logLevel }, process.stderr);
    return await startWorker(config, { clock: systemClock, log });
  });
}
