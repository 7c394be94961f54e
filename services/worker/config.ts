import { realpathSync } from 'node:fs';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { catalogEntries } from '../common/config/catalog-entries.ts';
import type { ConfigValues } from '../common/config/config-keys.ts';
import { loadRoleConfig } from '../common/config/load-role-config.ts';
import { type DataAccess, dataAccess } from '../common/config/object-store.ts';
import { type TlsFiles, tlsFiles } from '../common/config/tls-files.ts';
import { EngineError } from '../common/error.ts';
import { type NodeId, parseNodeId } from '../common/ids.ts';
import { type MemoryPlan, planMemory } from './memory/memory-broker.ts';

export interface WorkerConfig {
  readonly host: string;
  /** 0 = a free one. */
  readonly port: number;
  /** Host by which others reach this worker. */
  readonly advertisedHost: string;
  readonly coordinatorAddress: string;
  /** undefined = made of host and port. */
  readonly nodeId: NodeId | undefined;
  readonly labels: readonly string[];
  /** From the widest segment to the narrowest; empty = not known. */
  readonly location: readonly string[];
  readonly cores: number;
  /** Narrow slots; also the tasks of a stage that run here at a time. */
  readonly taskConcurrency: number;
  readonly workerBytes: number;
  readonly memory: MemoryPlan;
  /** Each run makes a directory of its own below. */
  readonly spillDirectory: string;
  readonly spillLimitBytes: number;
  /** Files below these may be read. */
  readonly dataDirectories: readonly string[];
  readonly dataAccess: DataAccess;
  readonly taskClientTimeoutMs: number;
  readonly tls: TlsFiles | undefined;
  readonly logLevel: string;
}

const DEFAULT_MEMORY_SHARE = 0.7;
const MAX_DEFAULT_TASK_CONCURRENCY = 4;
/** DuckDB does not open with much less; a slot needs it beside the pages. */
const MIN_SLOT_BYTES = 32 << 20;

export function workerConfigFromProcess(): WorkerConfig {
  return workerConfig(loadRoleConfig('worker', process.argv.slice(2), process.env));
}

/** @throws EngineError INVALID_CONFIGURATION when values do not fit together */
export function workerConfig(values: ConfigValues): WorkerConfig {
  const machineShare = values.workers_on_machine;
  const defaultCores = Math.max(1, Math.floor(availableParallelism() / machineShare));
  const cores = values.cores === 0 ? defaultCores : values.cores;
  const workerBytes =
    values.worker_memory_limit === 0
      ? Math.floor((machineMemoryBytes() * DEFAULT_MEMORY_SHARE) / machineShare)
      : values.worker_memory_limit;
  const taskConcurrency =
    values.task_concurrency === 0
      ? Math.min(MAX_DEFAULT_TASK_CONCURRENCY, cores)
      : values.task_concurrency;
  return Object.freeze({
    host: values.host,
    port: values.worker_port,
    advertisedHost: values.advertised_host === '' ? values.host : values.advertised_host,
    coordinatorAddress: values.coordinator_address,
    nodeId: nodeIdOf(values.node_id),
    labels: values.node_labels,
    location: values.node_location,
    cores,
    taskConcurrency,
    workerBytes,
    memory: memoryPlan(workerBytes, values.page_memory_limit, taskConcurrency),
    spillDirectory: values.spill_directory === '' ? tmpdir() : values.spill_directory,
    spillLimitBytes: values.spill_limit,
    dataDirectories: dataDirectories(values.catalog),
    dataAccess: dataAccess(values),
    taskClientTimeoutMs: values.task_client_timeout,
    tls: tlsFiles(values),
    logLevel: values.log_level,
  });
}

function nodeIdOf(text: string): NodeId | undefined {
  if (text === '') return undefined;
  const nodeId = parseNodeId(text);
  if (nodeId === undefined)
    throw invalid('node_id', `node_id '${text}' is not [A-Za-z0-9_-]{1,64}`);
  return nodeId;
}

/** Of the container, where there is one. */
function machineMemoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}

/** Half of the slots' part is for the wide slot, so each narrow one has a share of the other half. */
function memoryPlan(workerBytes: number, pageBytes: number, slotCount: number): MemoryPlan {
  const plan = planMemory(workerBytes, pageBytes);
  const narrowBytes = plan.slotBytes / 2 / slotCount;
  if (narrowBytes >= MIN_SLOT_BYTES) return plan;
  throw invalid(
    'worker_memory_limit',
    `worker_memory_limit (${workerBytes} bytes) leaves a task ${Math.max(0, Math.floor(narrowBytes))} bytes ` +
      `of DuckDB memory beside ${plan.pageBytes} bytes of pages; at least ${MIN_SLOT_BYTES} are needed`,
  );
}

/** DuckDB compares real paths, so a link counts as its target too. */
function dataDirectories(catalog: string): readonly string[] {
  const directories = catalogEntries(catalog).flatMap(({ location, isObjectStore }) =>
    isObjectStore ? [location] : [resolve(location), ...realPath(resolve(location))],
  );
  return [...new Set(directories)];
}

/** A directory that is missing is the planner's to complain of. */
function realPath(directory: string): readonly string[] {
  try {
    return [realpathSync(directory)];
  } catch {
    return [];
  }
}

function invalid(key: string, message: string): EngineError {
  return new EngineError('INVALID_CONFIGURATION', message, { details: { key } });
}
