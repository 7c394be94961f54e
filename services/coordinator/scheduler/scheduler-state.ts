/**
 * All that the scheduler knows of one query: plain JSON-safe data (a round trip through JSON changes nothing),
 * changed only by the reducer that owns it. Read it through `why-blocked.ts` and `query-description.ts`.
 */
import { assert } from '../../common/assert.ts';
import type { ErrorReport } from '../../common/error.ts';
import type { FragmentId, Instant, NodeId, QueryId, SourceId, StageId } from '../../common/ids.ts';
import type { PlanFragment } from '../../common/plan/plan-fragment.ts';
import { NOTHING_PRUNED } from '../../common/plan/split.ts';
import { nextRandomState } from '../../common/random.ts';
import { NO_TASK_STATS } from '../../common/task/task-status.ts';
import type { FailureRecord } from './fault-tolerant/node-exclusion.ts';
import { createOutputSelector } from './fault-tolerant/output-selector.ts';
import type { SchedulingDelay } from './fault-tolerant/retry-delay.ts';
import type { DescriptorStorage } from './fault-tolerant/task-descriptor.ts';
import { noLocalityWait } from './placement/locality-wait.ts';
import type { DynamicFilterState } from './dynamic-filters.ts';
import type { ExecutionSchedule } from './execution-policy/execution-policy.ts';
import type { QueryState } from './query-state.ts';
import { nothingDue } from './launch-due.ts';
import { nodeIndexOf } from './node-index.ts';
import type { SchedulerNode } from './scheduler-event.ts';
import type { StallWatch } from './stall-watch.ts';
import type { SchedulerOptions } from './scheduler-options.ts';
import { noMemorySeen } from './stage-state.ts';
import type { TaskLeasing } from './lease-state.ts';
import type { MemorySeen, ScanState, StageState, WastedWork } from './stage-state.ts';

export interface NodeState {
  readonly node: SchedulerNode;
  isDraining: boolean;
  /** It has broken the protocol: it keeps its tasks, and no new one is given to it. */
  isDistrusted: boolean;
  /** Tasks of this query ever placed on it: single tasks go where there are fewest. */
  taskCount: number;
}

/** How far the client has been told where the result is (T17). */
export interface ResultState {
  /** Root tasks are announced as soon as they exist: waiting for inline results is over. */
  isWindowClosed: boolean;
  /** All root tasks exist and were announced. */
  isComplete: boolean;
  /** The client has all of it. */
  isReleased: boolean;
  /** Whether anything of it may be shown: not while the attempt may be given up for another one (T8, T9). */
  commitment: 'withheld' | 'committed';
}

/** A symptom that waits for its cause (recovery/). */
export interface SuspectedFailure {
  readonly stageId: StageId;
  readonly error: ErrorReport;
  /** `final`: nothing that comes can overcome it, only its name is waited for; `over`: nobody has explained it in time. */
  readonly wait: 'open' | 'final' | 'over';
}

export interface QuerySchedulerState {
  readonly queryId: QueryId;
  readonly options: SchedulerOptions;
  query: QueryState;
  /** In plan order: producers first, the root last. */
  readonly stages: StageState[];
  /** What the execution policy has worked out of the plan. */
  readonly schedule: ExecutionSchedule;
  readonly dynamicFilters: DynamicFilterState[];
  /** Position in `stages` by fragment id. */
  readonly stageIndex: Readonly<Record<number, number>>;
  readonly nodes: NodeState[];
  /** Grows with every change of them. */
  nodesVersion: number;
  /** Partition i of every hash and arbitrary stage runs on partitionToNode[i] (T12, P2). */
  readonly partitionToNode: NodeId[];
  readonly result: ResultState;
  suspectedFailure: SuspectedFailure | null;
  /** Number of the attempt of the whole query; that of every task of it. */
  attempt: number;
  /** The attempt begins then; null = it has. */
  retryAt: Instant | null;
  readonly stallWatch: StallWatch;
  /** Ignored statuses of tasks, attempts and workers that no worker should name. */
  unknownStatuses: number;
  /** Since when partitions wait because there is no worker at all; null = they do not. */
  nodeWaitSince: Instant | null;
  readonly memory: MemorySeen;
  /** Nodes that described tasks wait for and hold. */
  readonly leasing: TaskLeasing;
  /** Failed attempts that their places may be to blame for (S17). */
  readonly failures: FailureRecord;
  /** What the partitions of tasks that are described read, once that is known (F29). */
  readonly descriptors: DescriptorStorage;
  /** Failures of tasks pause the scheduling of the query (F19). */
  readonly delay: SchedulingDelay;
  /** No task is started before; null = they may be. */
  pausedUntil: Instant | null;
  randomState: number;
}

/** Whether the query could still be tried again as a whole: nobody has seen anything of it. */
export function mayRetryQuery({ options, result }: QuerySchedulerState): boolean {
  return options.retryPolicy === 'query' && result.commitment === 'withheld';
}

export function stageOf(state: QuerySchedulerState, id: FragmentId): StageState {
  const stage = state.stages[state.stageIndex[id] ?? -1];
  assert(stage !== undefined, `the plan has a fragment ${id}`);
  return stage;
}

export function findStage(state: QuerySchedulerState, id: FragmentId): StageState | undefined {
  return state.stages[state.stageIndex[id] ?? -1];
}

export function rootStage(state: QuerySchedulerState): StageState {
  const root = state.stages.at(-1);
  assert(root !== undefined, 'a query has a root stage');
  return root;
}

export function findNode(state: QuerySchedulerState, nodeId: NodeId): NodeState | undefined {
  return nodeIndexOf(state).byId.get(nodeId);
}

export interface ScanOfStage {
  readonly stage: StageState;
  readonly scan: ScanState;
}

export function findScan(state: QuerySchedulerState, sourceId: SourceId): ScanOfStage | undefined {
  for (const stage of state.stages) {
    const scan = stage.scans.find((candidate) => candidate.sourceId === sourceId);
    if (scan !== undefined) return { stage, scan };
  }
  return undefined;
}

/** Tasks of one stage on this node at a time. */
export function laneCount(options: SchedulerOptions, node: SchedulerNode): number {
  const { taskConcurrency } = options;
  return Math.max(1, taskConcurrency === 0 ? node.taskConcurrency : taskConcurrency);
}

/** A choice in [0, bound) that a replay repeats. */
export function draw(state: { randomState: number }, bound: number): number {
  const step = nextRandomState(state.randomState);
  state.randomState = step.state;
  return Math.floor(step.value * bound);
}

const NO_WORK: WastedWork = { taskCount: 0, stats: NO_TASK_STATS };

export function createStage(fragment: PlanFragment, givenUp = NO_WORK): StageState {
  return {
    stageId: fragment.id,
    fragment,
    kind: 'planned',
    tasks: [],
    partitions: [],
    run: 0,
    retired: [],
    attempt: 0,
    failedAttempts: 0,
    taskCounts: { planned: 0, running: 0, flushing: 0, finished: 0, stopping: 0, stopped: 0 },
    selector: createOutputSelector(fragment.id),
    launchDue: nothingDue(),
    selectedBytes: [],
    planning: null,
    scans: fragment.scans.map((scan) => ({
      sourceId: scan.sourceId,
      batch: 0,
      isLoading: false,
      retryAt: null,
      loadFailures: 0,
      pending: [],
      placed: [],
      isExhausted: false,
      splitCount: 0,
      isClosed: false,
      isReleased: false,
      filterWait: 'none',
      locality: noLocalityWait(),
      pruned: NOTHING_PRUNED,
    })),
    outputs: [],
    isPlacementBlocked: false,
    outputRows: 0,
    startedAt: null,
    startReason: null,
    endedAt: null,
    memory: noMemorySeen(),
    memoryWaitMs: 0,
    givenUp,
  };
}
