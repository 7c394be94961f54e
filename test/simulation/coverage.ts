/**
 * How often things happened that laws are worth nothing without: faults that took effect, and mechanisms of the kernel that were
 * reached. It judges nothing, so it may look at the kernel's state.
 */
import type { PartitionId } from '../../services/common/ids.ts';
import {
  attemptsOf,
  isLive,
  isSelected,
  selectedAttempt,
} from '../../services/coordinator/scheduler/partition-state.ts';
import type { SchedulerEffect } from '../../services/coordinator/scheduler/scheduler-effect.ts';
import { retriesPartitions } from '../../services/coordinator/scheduler/scheduler-options.ts';
import type { QuerySchedulerState } from '../../services/coordinator/scheduler/scheduler-state.ts';
import type { StageState } from '../../services/coordinator/scheduler/stage-state.ts';
import type { EffectOf } from '../support/scheduler-driver.ts';
import type { Fault } from './scenario.ts';

export type Counts = ReadonlyMap<string, number>;

/** What a stage was like after the last turn. */
interface StageLook {
  readonly kind: StageState['kind'];
  readonly attempt: number;
  readonly run: number;
  readonly failedAttempts: number;
  readonly selectedCount: number;
  readonly taskCount: number;
  readonly startReason: StageState['startReason'];
  /** Partitions with a live attempt of which not all input is known. */
  readonly speculating: readonly PartitionId[];
}

/** What each fault is counted as when it has taken effect. */
export const FAULT_COUNTS: Readonly<Record<Fault['kind'], string>> = {
  crash: 'fault: worker crashed',
  'false-loss': 'fault: worker given up that lives',
  partition: 'fault: worker cut off',
  pause: 'fault: worker paused',
  join: 'fault: worker joined',
  drain: 'fault: worker drained',
  'task-failure': 'fault: task failed',
  'client-stall': 'fault: client gone',
  'split-failure': 'fault: splits not loaded',
  'lost-output': 'fault: stored output lost',
  'spool-loss': 'fault: spooled output lost',
  cancel: 'fault: cancelled',
};

const TIMER_COUNTS: Partial<Record<EffectOf<'arm-timer'>['timer']['kind'], string>> = {
  'failure-cause': 'symptom awaits its cause (T5)',
  'split-retry': 'splits asked for again (T22)',
  'dynamic-filter-wait': 'scan waits for filters (T25)',
  'locality-wait': 'splits wait for locality (S15)',
  'node-wait': 'waits for a worker (K5)',
  'scheduling-delay': 'pause after a failure (F19)',
};

/** What is met in a few hundred seeds; each has to be. */
export const EXPECTED_COUNTS: readonly string[] = [
  ...Object.values(FAULT_COUNTS),
  ...Object.values(TIMER_COUNTS),
  'fault: message lost',
  'fault: message came twice',
  'fault: message came late',
  'fault: coordinator handed over',
  'query tried again (T6)',
  'partition tried again (F10)',
  'stored output lost (R17)',
  'stage begins anew (R18)',
  'input unreadable (R19)',
  'stage rolled back (I43)',
  'stage with outputs rolled back (I43)',
  'region restarted (K24)',
  'zombie counts (S3)',
  'waves ended by a limit (T18)',
  'task cancelled (T18)',
  'filter sent to a task',
  'filter sent to a scan',
  'empty split (T23)',
  'buffer abandoned (T10)',
  'inline result (R8)',
  'split queues full (T27)',
  'another writer (T31)',
  'stage begun as a speculation (F3)',
  'stage begun eagerly (F3)',
  'speculation became standard (F13)',
  'speculation given up (F31)',
];

export class Coverage {
  readonly #counts = new Map<string, number>();
  #stages: readonly StageLook[] = [];
  #attempt = 0;
  readonly #undone = new Set<number>();

  get counts(): Counts {
    return this.#counts;
  }

  note(what: string, times = 1): void {
    if (times > 0) this.#counts.set(what, (this.#counts.get(what) ?? 0) + times);
  }

  /** What is known of stages is of another run. */
  beginRun(): void {
    this.#stages = [];
  }

  /** One turn, and what the kernel's state is after it. */
  onTurn(effects: readonly SchedulerEffect[], state: QuerySchedulerState): void {
    for (const effect of effects) this.#noteEffect(effect, state);
    const before = this.#stages;
    this.#stages = state.stages.map(lookAt);
    // What has lost an output that comes out otherwise, and what was rolled back for it, in plan order.
    this.#undone.clear();
    state.stages.forEach((stage, index) => {
      const known = before[index];
      if (known === undefined) this.#noteStart(stage, null);
      // Another attempt of the query begins with other stages.
      if (known !== undefined && state.attempt === this.#attempt) this.#noteStage(stage, known);
    });
    this.#attempt = state.attempt;
  }

  #noteEffect(effect: SchedulerEffect, { options }: QuerySchedulerState): void {
    switch (effect.kind) {
      case 'arm-timer': {
        const name = TIMER_COUNTS[effect.timer.kind];
        if (name !== undefined) this.note(name);
        return;
      }
      case 'report-retry':
        return this.note('query tried again (T6)');
      case 'load-splits':
        return this.note('filter sent to a scan', effect.filters === undefined ? 0 : 1);
      case 'stop-task':
        return this.note('task cancelled (T18)', effect.stop === 'cancel' ? 1 : 0);
      case 'add-result-locations': {
        const inline = effect.locations.filter(({ inlinePages }) => inlinePages !== undefined);
        return this.note('inline result (R8)', inline.length);
      }
      case 'update-task':
        return this.#noteUpdate(effect, retriesPartitions(options));
      default:
        return;
    }
  }

  #noteStageAttempt(stage: StageState, before: StageLook): void {
    const producers = stage.fragment.remoteSources.flatMap((source) => source.producers);
    if (!producers.some((id) => this.#undone.has(id))) return this.note('stage begins anew (R18)');
    this.#undone.add(stage.stageId);
    this.note('stage rolled back (I43)');
    if (before.selectedCount > 0) this.note('stage with outputs rolled back (I43)');
  }

  #noteUpdate(update: EffectOf<'update-task'>, hasAttempts: boolean): void {
    if (update.fragment !== undefined && hasAttempts && update.taskId.attempt > 0)
      this.note('partition tried again (F10)');
    this.note('filter sent to a task', update.dynamicFilters?.length ?? 0);
    const splits = update.splitAssignments.flatMap((assignment) => assignment.splits);
    this.note('empty split (T23)', splits.filter(({ input }) => input.kind === 'empty').length);
    const isAbandoned = update.outputBuffers.some(
      ({ abandonedBufferIds = [] }) => abandonedBufferIds.length > 0,
    );
    this.note('buffer abandoned (T10)', isAbandoned ? 1 : 0);
  }

  #noteStage(stage: StageState, before: StageLook): void {
    const now = lookAt(stage);
    const { partitions } = stage;
    if (before.selectedCount > now.selectedCount && before.run === now.run) {
      this.note('stored output lost (R17)');
      if (isOpen(stage)) this.#undone.add(stage.stageId);
    }
    if (now.attempt > before.attempt) this.#noteStageAttempt(stage, before);
    if (now.failedAttempts > before.failedAttempts) this.note('input unreadable (R19)');
    if (now.run > before.run) this.note('region restarted (K24)');
    if (now.selectedCount > before.selectedCount) {
      const isZombie = partitions.some((partition) => {
        const attempt = selectedAttempt(stage, partition)?.taskId.attempt ?? Infinity;
        return attempt < partition.zombiesBelow;
      });
      if (isZombie) this.note('zombie counts (S3)');
    }
    this.#noteSpeculation(stage, before);
    const isCut = now.selectedCount < partitions.length;
    if (before.kind !== 'finished' && now.kind === 'finished' && now.selectedCount > 0 && isCut)
      this.note('waves ended by a limit (T18)');
    if (stage.isPlacementBlocked) this.note('split queues full (T27)');
    const isWriter = stage.fragment.partitioning.kind === 'scaled-writer';
    if (isWriter && now.taskCount > Math.max(1, before.taskCount))
      this.note('another writer (T31)');
  }

  #noteStart({ startReason }: StageState, before: StageState['startReason']): void {
    if (before !== null) return;
    if (startReason === 'speculative') this.note('stage begun as a speculation (F3)');
    if (startReason === 'eager-speculative') this.note('stage begun eagerly (F3)');
  }

  #noteSpeculation(stage: StageState, before: StageLook): void {
    this.#noteStart(stage, before.startReason);
    for (const partitionId of before.speculating) {
      const partition = stage.partitions[partitionId];
      if (partition === undefined || isSelected(stage, partition)) continue;
      if (!attemptsOf(stage, partition).some(isLive)) this.note('speculation given up (F31)');
      else if (partition.isSealed) this.note('speculation became standard (F13)');
    }
    const isOpen = stage.partitions.some(({ isSealed }) => !isSealed);
    const hasEnded = before.kind !== 'finished' && stage.kind === 'finished';
    if (hasEnded && isOpen && stage.planning !== null)
      this.note('query ended before its input (F3)');
  }
}

/** It comes out otherwise when it is run again. */
function isOpen({ fragment }: StageState): boolean {
  return fragment.determinism !== 'deterministic';
}

function lookAt(stage: StageState): StageLook {
  const { kind, attempt, run, failedAttempts, partitions, tasks, startReason } = stage;
  const selectedCount = partitions.filter((partition) => isSelected(stage, partition)).length;
  const speculating = partitions.filter(
    (partition) => !partition.isSealed && attemptsOf(stage, partition).some(isLive),
  );
  return {
    kind,
    attempt,
    run,
    failedAttempts,
    selectedCount,
    taskCount: tasks.length,
    startReason,
    speculating: stage.planning === null ? [] : speculating.map(({ partitionId }) => partitionId),
  };
}
