/** Real workers with a coordinator that a test plays itself, and the tasks that it orders. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../services/common/config/read-config.ts';
import type { SourceId, TaskId } from '../../services/common/ids.ts';
import { silentLogger } from '../../services/common/logger.ts';
import type { PlanFragment } from '../../services/common/plan/plan-fragment.ts';
import type { Split, SplitAssignment } from '../../services/common/plan/split.ts';
import { systemClock } from '../../services/common/system-clock.ts';
import type { TaskStatus, TaskUpdate } from '../../services/common/task/task-status.ts';
import { type RunningWorker, startWorker, workerConfig } from '../../services/worker/main.ts';
import { type ConnectedWorker, ControlCoordinator } from './control-coordinator.ts';
import { arrowRows, DATA, THREAD_ENTRY } from './slot-harness.ts';
import { anUpdate, aTaskId, theBuffers } from './task-fakes.ts';

export class WorkerCluster {
  readonly coordinator: ControlCoordinator;
  readonly spillDirectory = mkdtempSync(join(tmpdir(), 'skein-worker-test-'));
  readonly workers: RunningWorker[] = [];

  private constructor(coordinator: ControlCoordinator) {
    this.coordinator = coordinator;
  }

  static async open(): Promise<WorkerCluster> {
    return new WorkerCluster(await new ControlCoordinator().listen());
  }

  flags(nodeId: string): Record<string, string> {
    return {
      node_id: nodeId,
      worker_port: '0',
      catalog: DATA,
      coordinator_address: this.coordinator.address,
      spill_directory: this.spillDirectory,
      worker_memory_limit: '1GiB',
      cores: '2',
    };
  }

  async start(nodeId: string, more: Record<string, string> = {}): Promise<RunningWorker> {
    const flags = { ...this.flags(nodeId), ...more };
    const values = readConfig('worker', { file: {}, environment: {}, flags });
    const deps = { clock: systemClock, log: silentLogger, threadEntry: THREAD_ENTRY };
    const worker = await startWorker(workerConfig(values), deps);
    this.workers.push(worker);
    return worker;
  }

  /** Names of the files that the workers have on disk for pages. */
  pageFiles(): readonly string[] {
    const names = readdirSync(this.spillDirectory, { recursive: true }) as string[];
    return names.filter((name) => name.endsWith('.pages'));
  }

  /** Ends the workers; answers what they have left behind. */
  async close(): Promise<readonly string[]> {
    await Promise.all(this.workers.map((worker) => worker.close(0)));
    await this.coordinator.close();
    const left = readdirSync(this.spillDirectory);
    rmSync(this.spillDirectory, { recursive: true });
    return left;
  }
}

let partition = 0;

/** A task of its own partition, whose outputs have one buffer each. */
export function aTask(fragment: PlanFragment, changes: Partial<TaskUpdate> = {}): TaskUpdate {
  partition += 1;
  return anUpdate({
    taskId: aTaskId({ stageId: fragment.id, partitionId: partition as TaskId['partitionId'] }),
    fragment,
    outputBuffers: fragment.outputs.map(() => theBuffers(1)),
    deadline: (systemClock.now() + 60_000) as TaskUpdate['deadline'],
    ...changes,
  });
}

/** All splits of a source. */
export const assign = (sourceId: number, inputs: readonly Split['input'][]): SplitAssignment => ({
  sourceId: sourceId as SourceId,
  splits: inputs.map((input, sequenceId) => ({ sequenceId, weight: 100, input })),
  noMoreSplits: true,
});

/** A buffer of the first output of a task on that worker. */
export const remoteSplit = (
  { taskId }: TaskUpdate,
  { hello }: ConnectedWorker,
  bufferId: number,
): Split['input'] => ({
  kind: 'remote',
  location: {
    taskId,
    nodeId: hello.nodeId as never,
    nodeInstanceId: hello.nodeInstanceId as never,
    address: hello.address,
    outputIndex: 0,
    bufferId: bufferId as never,
  },
});

export const inlineRows = (fragment: PlanFragment, status: TaskStatus): unknown[][] =>
  arrowRows(
    fragment.columns,
    (status.inlinePages ?? []).map((page) => Uint8Array.from(page).buffer),
  );
