/** Drives the scheduling kernel in a test: keeps the state, the time and everything it ordered. */
import type { ErrorReport } from '../../services/common/error.ts';
import type { Instant, QueryId, SourceId } from '../../services/common/ids.ts';
import type { PlanFragment } from '../../services/common/plan/plan-fragment.ts';
import type { FileSplit, Split } from '../../services/common/plan/split.ts';
import { NO_TASK_STATS } from '../../services/common/task/task-status.ts';
import type { TaskStateKind, TaskStatus } from '../../services/common/task/task-status.ts';
import {
  createQueryScheduler,
  onEvent,
} from '../../services/coordinator/scheduler/query-scheduler.ts';
import { selectedAttempt } from '../../services/coordinator/scheduler/partition-state.ts';
import type { SchedulerEffect } from '../../services/coordinator/scheduler/scheduler-effect.ts';
import type {
  SchedulerEvent,
  SchedulerNode,
} from '../../services/coordinator/scheduler/scheduler-event.ts';
import { DEFAULT_SCHEDULER_OPTIONS } from '../../services/coordinator/scheduler/scheduler-options.ts';
import type { SchedulerOptions } from '../../services/coordinator/scheduler/scheduler-options.ts';
import { stageOf } from '../../services/coordinator/scheduler/scheduler-state.ts';
import type { QuerySchedulerState } from '../../services/coordinator/scheduler/scheduler-state.ts';
import type { StageState } from '../../services/coordinator/scheduler/stage-state.ts';
import type { TaskState } from '../../services/coordinator/scheduler/task-state.ts';
import { someNodes } from './plan-builders.ts';

export const QUERY_ID = '20261121_120000_00001_abcde' as QueryId;
export const DEADLINE = 3_600_000 as Instant;

export type EffectOf<Kind extends SchedulerEffect['kind']> = Extract<
  SchedulerEffect,
  { readonly kind: Kind }
>;

/** A state, or a status with what matters of it. */
export type Report = TaskStateKind | (Partial<TaskStatus> & Pick<TaskStatus, 'state'>);

export interface AttemptName {
  readonly stage: number;
  readonly partition: number;
  readonly attempt: number;
}

export interface DriverSetup {
  readonly nodes?: readonly SchedulerNode[];
  readonly options?: Partial<SchedulerOptions>;
}

export class SchedulerDriver {
  readonly state: QuerySchedulerState;
  /** All effects so far, in order. */
  readonly effects: SchedulerEffect[] = [];
  now = 1_000 as Instant;
  #statusVersion = 0;

  constructor(fragments: readonly PlanFragment[], setup: DriverSetup = {}) {
    const created = createQueryScheduler(
      {
        queryId: QUERY_ID,
        fragments,
        nodes: setup.nodes ?? someNodes(2),
        deadline: DEADLINE,
        options: { ...DEFAULT_SCHEDULER_OPTIONS, ...setup.options },
      },
      this.now,
    );
    this.state = created.state;
    this.effects.push(...created.effects);
  }

  /** The effects of this one event. */
  send(event: SchedulerEvent): readonly SchedulerEffect[] {
    const effects = onEvent(this.state, event, this.now);
    this.effects.push(...effects);
    return effects;
  }

  /** The run of this task's worker is gone. */
  loseNodeOf({ nodeId, nodeInstanceId }: TaskState): readonly SchedulerEffect[] {
    const error = { code: 'NODE_LOST', message: `${nodeId} is lost` } as const;
    return this.send({ kind: 'node-lost', nodeId, nodeInstanceId, error });
  }

  loaded(sourceId: number, splits: readonly FileSplit[], last = true): readonly SchedulerEffect[] {
    const batch = this.state.stages
      .flatMap((stage) => stage.scans)
      .find((scan) => scan.sourceId === sourceId)?.batch;
    return this.send({
      kind: 'splits-loaded',
      sourceId: sourceId as SourceId,
      batch: batch ?? 0,
      splits,
      last,
    });
  }

  /** A task reports; everything that was sent to it counts as received and begun unless said otherwise. */
  report(stageId: number, partition: number, report: Report): readonly SchedulerEffect[] {
    return this.send({ kind: 'task-status', status: this.status(stageId, partition, report) });
  }

  /** As `report`, of an attempt that need not be the newest. */
  reportAttempt(
    { stage, partition, attempt }: AttemptName,
    report: Report,
  ): readonly SchedulerEffect[] {
    const task = this.task(stage, partition, attempt);
    return this.send({ kind: 'task-status', status: this.#statusOf(task, report) });
  }

  /** The newest attempt of each partition reports. */
  reportAll(stageId: number, state: TaskStateKind): readonly SchedulerEffect[] {
    const partitions = this.stage(stageId).partitions.filter(({ attempts }) => attempts.length > 0);
    return partitions.flatMap(({ partitionId }) => this.report(stageId, partitionId, state));
  }

  status(stageId: number, partition: number, report: Report): TaskStatus {
    return this.#statusOf(this.task(stageId, partition), report);
  }

  #statusOf(task: TaskState, report: Report): TaskStatus {
    this.#statusVersion += 1;
    return {
      taskId: task.taskId,
      nodeId: task.nodeId,
      nodeInstanceId: task.nodeInstanceId,
      version: this.#statusVersion,
      outputs: this.#outputsOf(task, typeof report === 'string' ? report : report.state),
      queuedSplitWeight: 0,
      receivedSplits: task.inputs.map((input) => ({
        sourceId: input.sourceId,
        sequenceId: input.nextSequenceId - 1,
      })),
      blockedReason: 'none',
      stats: NO_TASK_STATS,
      ...(typeof report === 'string' ? { state: report } : report),
    };
  }

  /** What is spooled is there when the task has finished: 100 bytes in each buffer. */
  #outputsOf({ taskId }: TaskState, state: TaskStateKind): TaskStatus['outputs'] {
    const { outputs } = this.stage(taskId.stageId);
    if (state !== 'finished' || !outputs.some(({ retention }) => retention === 'spooled'))
      return [];
    return outputs.map(({ bufferIds }) => ({
      state: 'finished',
      bufferedBytes: 0,
      utilization: 0,
      overutilized: false,
      storedBytes: bufferIds.map(() => 100),
    }));
  }

  /** A task fails with this error. */
  fail(stageId: number, partition: number, error: ErrorReport): readonly SchedulerEffect[] {
    return this.report(stageId, partition, { state: 'failed', error });
  }

  stage(stageId: number): StageState {
    return stageOf(this.state, stageId as StageState['stageId']);
  }

  /** The newest attempt of a partition, or the one that is named. */
  task(stageId: number, partition: number, attempt?: number): TaskState {
    const tasks = this.stage(stageId).tasks.filter(
      ({ taskId }) =>
        taskId.partitionId === partition && (attempt === undefined || taskId.attempt === attempt),
    );
    const task = tasks.at(-1);
    if (task === undefined) throw new Error(`stage ${stageId} has no task ${partition}`);
    return task;
  }

  effectsOf<Kind extends SchedulerEffect['kind']>(kind: Kind): readonly EffectOf<Kind>[] {
    return effectsOf(this.effects, kind);
  }

  updatesOf(stageId: number, partition: number): readonly EffectOf<'update-task'>[] {
    return this.effectsOf('update-task').filter(
      ({ taskId }) => taskId.stageId === stageId && taskId.partitionId === partition,
    );
  }

  /** `partition.attempt` of each task of the stage that there ever was. */
  attempts(stageId: number): readonly string[] {
    return this.stage(stageId).tasks.map(({ taskId }) => `${taskId.partitionId}.${taskId.attempt}`);
  }

  /** `stage.partition.attempt` of each task whose stored output was given up. */
  released(): readonly string[] {
    return this.effectsOf('release-output').map(
      ({ taskId }) => `${taskId.stageId}.${taskId.partitionId}.${taskId.attempt}`,
    );
  }

  /** All splits that were ever given to this source of the task. */
  splitsOf(stageId: number, partition: number, sourceId: number): readonly Split[] {
    return this.updatesOf(stageId, partition)
      .flatMap((update) => update.splitAssignments)
      .filter((assignment) => assignment.sourceId === sourceId)
      .flatMap((assignment) => assignment.splits);
  }

  /** Whether the task was told that this source has ended. */
  heardEnd(stageId: number, partition: number, sourceId: number): boolean {
    return this.updatesOf(stageId, partition)
      .flatMap((update) => update.splitAssignments)
      .some((assignment) => assignment.sourceId === sourceId && assignment.noMoreSplits);
  }

  /** By partition: the number of the attempt that counts; null = none. */
  selected(stageId: number): readonly (number | null)[] {
    const stage = this.stage(stageId);
    return stage.partitions.map(
      (partition) => selectedAttempt(stage, partition)?.taskId.attempt ?? null,
    );
  }

  stops(): readonly string[] {
    return this.effectsOf('stop-task').map(
      ({ taskId, stop }) => `${stop} ${taskId.stageId}.${taskId.partitionId}`,
    );
  }

  stageKinds(): Readonly<Record<number, string>> {
    return Object.fromEntries(this.state.stages.map((stage) => [stage.stageId, stage.kind]));
  }
}

export function effectsOf<Kind extends SchedulerEffect['kind']>(
  effects: readonly SchedulerEffect[],
  kind: Kind,
): readonly EffectOf<Kind>[] {
  return effects.filter((effect): effect is EffectOf<Kind> => effect.kind === kind);
}
