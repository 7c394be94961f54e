/**
 * One turn of the reducer: the orders that pile up while an event is worked out. What a task is to be told is
 * gathered per task, so that it leaves as one update however many decisions concerned it.
 */
import { assert } from '../../common/assert.ts';
import type { DynamicFilter } from '../../common/dynamic-filter/dynamic-filter.ts';
import type { Instant, SourceId } from '../../common/ids.ts';
import type { Split, SplitAssignment } from '../../common/plan/split.ts';
import type { OutputBuffers } from '../../common/task/output-buffers.ts';
import type { TaskStop } from '../../common/task/task-status.ts';
import type { SchedulerEffect } from './scheduler-effect.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import { hasStoredOutput } from './stage-state.ts';
import type { OutputState, StageState } from './stage-state.ts';
import { isEnded, servesOutput, takesSplits } from './task-state.ts';
import type { TaskInput, TaskState } from './task-state.ts';

interface TaskDraft {
  readonly stage: StageState;
  readonly isFirst: boolean;
  /** New splits by source; a source that is here without splits has only ended. */
  readonly splits: Map<SourceId, Split[]>;
  readonly filters: DynamicFilter[];
}

export interface Turn {
  readonly state: QuerySchedulerState;
  readonly now: Instant;
  /** Stages whose tasks, splits or neighbours changed: to be scheduled again before the turn ends. */
  readonly touched: Set<StageState>;
  readonly drafts: Map<TaskState, TaskDraft>;
  /** Outputs that declared new buffers, by stage. */
  readonly declared: Map<StageState, Set<OutputState>>;
  readonly effects: SchedulerEffect[];
  /** The launcher is to look at every partition again (launch-due.ts). */
  isAllDue: boolean;
}

export function beginTurn(state: QuerySchedulerState, now: Instant): Turn {
  return {
    state,
    now,
    touched: new Set(),
    drafts: new Map(),
    declared: new Map(),
    effects: [],
    isAllDue: false,
  };
}

/** The first order to a task: its fragment, its buffers, all of its sources. */
export function draftFirstUpdate(turn: Turn, stage: StageState, task: TaskState): void {
  assert(!turn.drafts.has(task), 'a task is created once');
  turn.drafts.set(task, { stage, isFirst: true, splits: new Map(), filters: [] });
}

/** Gives the task one more split; its sequence id makes a repeated delivery harmless (T35). */
export function draftSplit(
  turn: Turn,
  target: { readonly stage: StageState; readonly task: TaskState; readonly sourceId: SourceId },
  split: Omit<Split, 'sequenceId'>,
): void {
  const input = inputOf(target.task, target.sourceId);
  assert(!input.noMoreSplits, `source ${target.sourceId} of a task gets no split after its end`);
  const sequenceId = input.nextSequenceId;
  input.nextSequenceId += 1;
  splitsOf(turn, target).push({ sequenceId, ...split });
  if (!input.isScan) return;
  const { task } = target;
  task.unacknowledged.push({ sourceId: target.sourceId, sequenceId, weight: split.weight });
  task.unacknowledgedWeight += split.weight;
  task.assignedSplits += 1;
}

/** Tells the task, once, that this source has given it everything. */
export function draftNoMoreSplits(
  turn: Turn,
  target: { readonly stage: StageState; readonly task: TaskState; readonly sourceId: SourceId },
): void {
  const input = inputOf(target.task, target.sourceId);
  if (input.noMoreSplits || !takesSplits(target.task)) return;
  input.noMoreSplits = true;
  splitsOf(turn, target);
}

/** Tells the task of a filter; once for each version. */
export function draftFilter(
  turn: Turn,
  target: { readonly stage: StageState; readonly task: TaskState },
  filter: DynamicFilter,
): void {
  const { filters } = draftOf(turn, target.stage, target.task);
  if (!filters.some((each) => each.filterId === filter.filterId)) filters.push(filter);
}

export function declareOutput(turn: Turn, stage: StageState, output: OutputState): void {
  const outputs = turn.declared.get(stage) ?? new Set();
  turn.declared.set(stage, outputs.add(output));
}

/** Nobody reads its stored outputs any more, now or when it should yet end; once, and never on a lost run. */
export function releaseOutput(turn: Turn, stage: StageState, task: TaskState): void {
  if (task.isReleased || !hasStoredOutput(stage)) return;
  task.isReleased = true;
  const { taskId, nodeId, nodeInstanceId } = task;
  turn.effects.push({ kind: 'release-output', taskId, nodeId, nodeInstanceId });
}

/** Orders the task to stop, once, unless it has ended. */
export function stopTask(turn: Turn, task: TaskState, stop: TaskStop): void {
  if (isEnded(task) || task.stop !== 'none') return;
  task.stop = stop;
  const { taskId, nodeId, nodeInstanceId } = task;
  turn.effects.push({ kind: 'stop-task', taskId, nodeId, nodeInstanceId, stop });
}

/** All orders of the turn: task updates first, so that nothing refers to a task that its worker has not heard of. */
export function finishTurn(turn: Turn): readonly SchedulerEffect[] {
  for (const [stage, outputs] of turn.declared) {
    for (const output of outputs) output.version += 1;
    for (const task of stage.tasks) if (servesOutput(task)) draftOf(turn, stage, task);
  }
  const buffersOfStage = new Map<StageState, readonly OutputBuffers[]>();
  const updates = [...turn.drafts].map(([task, draft]): SchedulerEffect => {
    const { stage } = draft;
    const buffers = buffersOfStage.get(stage) ?? stage.outputs.map(declarationOf);
    buffersOfStage.set(stage, buffers);
    return {
      kind: 'update-task',
      taskId: task.taskId,
      nodeId: task.nodeId,
      nodeInstanceId: task.nodeInstanceId,
      ...(draft.isFirst ? firstTerms(stage, task) : {}),
      splitAssignments: assignmentsOf(task, draft),
      outputBuffers: draft.isFirst || turn.declared.has(stage) ? buffers : [],
      ...(draft.filters.length === 0 ? {} : { dynamicFilters: draft.filters }),
    };
  });
  return [...updates, ...turn.effects];
}

function firstTerms({ fragment }: StageState, { memoryBytes }: TaskState) {
  return memoryBytes === 0 ? { fragment } : { fragment, memoryBytes };
}

function assignmentsOf(task: TaskState, draft: TaskDraft): readonly SplitAssignment[] {
  return task.inputs
    .filter((input) => draft.isFirst || draft.splits.has(input.sourceId))
    .map(({ sourceId, noMoreSplits }) => ({
      sourceId,
      splits: draft.splits.get(sourceId) ?? [],
      noMoreSplits,
    }));
}

function declarationOf(output: OutputState): OutputBuffers {
  const { kind, retention, version, bufferIds, noMoreBufferIds, abandonedBufferIds } = output;
  const declaration = {
    kind,
    version,
    bufferIds: [...bufferIds],
    noMoreBufferIds,
    ...(retention === 'streaming' ? {} : { retention }),
  };
  if (abandonedBufferIds.length === 0) return declaration;
  return { ...declaration, abandonedBufferIds: [...abandonedBufferIds] };
}

function draftOf(turn: Turn, stage: StageState, task: TaskState): TaskDraft {
  const existing = turn.drafts.get(task);
  if (existing !== undefined) return existing;
  const draft: TaskDraft = { stage, isFirst: false, splits: new Map(), filters: [] };
  turn.drafts.set(task, draft);
  return draft;
}

function splitsOf(
  turn: Turn,
  target: { readonly stage: StageState; readonly task: TaskState; readonly sourceId: SourceId },
): Split[] {
  const draft = draftOf(turn, target.stage, target.task);
  const splits = draft.splits.get(target.sourceId) ?? [];
  draft.splits.set(target.sourceId, splits);
  return splits;
}

function inputOf(task: TaskState, sourceId: SourceId): TaskInput {
  const input = task.inputs.find((candidate) => candidate.sourceId === sourceId);
  assert(input !== undefined, `the fragment has a source ${sourceId}`);
  return input;
}
