/** One run of a worker's process, as the simulated cluster handles it: a model of one, or the real code. */
import type { EngineError } from '../../services/common/error.ts';
import type { Instant, TaskId } from '../../services/common/ids.ts';
import type { FileSplit, OutputLocation } from '../../services/common/plan/split.ts';
import type { Random } from '../../services/common/random.ts';
import type { TaskStatus, TaskStop } from '../../services/common/task/task-status.ts';
import type { SchedulerNode } from '../../services/coordinator/scheduler/scheduler-event.ts';
import type { EffectOf } from '../support/scheduler-driver.ts';
import type { Row } from './rows.ts';
import type { WorkerProfile } from './scenario.ts';
import type { SimulatedNetwork } from './simulated-network.ts';
import type { VirtualTime } from './virtual-time.ts';

export type TaskOrder = EffectOf<'update-task'>;
/** What workers are told. */
export type WorkerOrder = TaskOrder | EffectOf<'stop-task'> | EffectOf<'release-output'>;
export type ResultAnnouncement = EffectOf<'add-result-locations'>;

export interface ClusterWorker {
  readonly node: SchedulerNode;
  readonly isAlive: boolean;
  update(order: TaskOrder): void;
  stop(taskId: TaskId, stop: TaskStop): void;
  releaseOutput(taskId: TaskId): void;
  crash(): void;
  /** What it begins until then is not done before. */
  pauseUntil(instant: Instant): void;
  /** Makes a task of it fail with this error; false when none is there to fail. */
  failTask(error: EngineError): boolean;
  /** `stage.partition.attempt` of tasks that have left stored pages behind. */
  storedOutputs(): readonly string[];
  /** What tasks of this stage have stored cannot be read any more. */
  damageOutputs(stageId: number): void;
  /** `stage.partition state` of its tasks that have not ended. */
  liveTasks(): readonly string[];
}

/** Reads the result as a gateway does, at the client's pace. */
export interface ResultClient {
  /** It reads nothing more. */
  readonly isGone: boolean;
  add(results: ResultAnnouncement): void;
  /** It has seen the end of everything that it was told to read. */
  isComplete(): boolean;
  rows(): readonly Row[];
  stop(): void;
}

/** What the cluster tells of its workers. */
export interface WorkerListener {
  onStatus(worker: ClusterWorker, status: TaskStatus): void;
  onSplitDone(split: FileSplit): void;
}

export interface WorkerSetup {
  readonly node: SchedulerNode;
  readonly profile: WorkerProfile;
  /** What tasks need of the memory that they are given, at most; 0 = nothing. */
  readonly maxNeedBytes: number;
  readonly listener: WorkerListener;
}

export interface ClientSetup {
  readonly pauseMs: number;
  readonly release: () => void;
}

/** For the network: a peer like the workers, which is never cut off for good. */
export const SPOOL = 'spool';

/** Stored outputs beside the workers. */
export interface Spool {
  release(taskId: TaskId): void;
  /** Loses one of the outputs between stages; false when there is none. */
  lose(drawBelow: (bound: number) => number): boolean;
  /** Names of the tasks whose outputs are there. */
  held(): readonly string[];
}

/** The world that workers and clients of one kind live in. */
export interface Engine {
  /** A scan without splits can be told by its result. */
  readonly marksEmptyScans: boolean;
  /** Where outputs survive their workers. */
  readonly spool: Spool;
  createWorker(setup: WorkerSetup): ClusterWorker;
  createClient(setup: ClientSetup): ResultClient;
}

export interface EngineDeps {
  readonly time: VirtualTime;
  readonly network: SimulatedNetwork;
  readonly random: Random;
  /** The run that answers at the location's address now. */
  readonly workerAt: (location: OutputLocation) => ClusterWorker | undefined;
}

export type CreateEngine = (deps: EngineDeps) => Engine;

/** Of a task, whichever attempt it is; `maxBytes` 0 = nothing. */
export function neededBytes(maxBytes: number, stageId: number, partition: number): number {
  return maxBytes === 0 ? 0 : 1 + ((stageId * 31 + partition * 17) % maxBytes);
}
