/** The world around a coordinator's queries, held by a test: workers, a planner, a cluster. */
import type { QueryId } from '../../services/common/ids.ts';
import { formatTaskId, type TaskId } from '../../services/common/ids.ts';
import { silentLogger } from '../../services/common/logger.ts';
import type { QueryPlan } from '../../services/common/plan/plan-fragment.ts';
import type { OutputLocation } from '../../services/common/plan/split.ts';
import { NEW_SESSION } from '../../services/common/session-state.ts';
import {
  NO_TASK_STATS,
  type TaskStateKind,
  type TaskStatus,
  type TaskStop,
  type TaskUpdate,
} from '../../services/common/task/task-status.ts';
import { defaultTree } from '../../services/coordinator/admission/resource-group-tree.ts';
import type { RootLimits } from '../../services/coordinator/admission/resource-group-tree.ts';
import type { Planner, PlanRequest } from '../../services/coordinator/query/ports.ts';
import type { QueryRegistryOptions } from '../../services/coordinator/query/query-registry.ts';
import { QueryRegistry } from '../../services/coordinator/query/query-registry.ts';
import type {
  LoggedTurn,
  NodeRun,
  QueryLog,
  WorkerGateway,
} from '../../services/coordinator/runtime/ports.ts';
import type { SchedulerNode } from '../../services/coordinator/scheduler/scheduler-event.ts';
import { type Deferred, deferred } from './deferred.ts';
import { aFragment, someNodes } from './plan-builders.ts';
import { settle, VirtualClock } from './virtual-clock.ts';

/** Keeps the orders to workers and speaks for their tasks. */
export class FakeWorkers implements WorkerGateway {
  readonly updates: { readonly node: NodeRun; readonly update: TaskUpdate }[] = [];
  readonly stops: { readonly node: NodeRun; readonly taskId: TaskId; readonly stop: TaskStop }[] =
    [];
  readonly released: { readonly node: NodeRun; readonly taskId: TaskId }[] = [];
  #version = 0;

  updateTask(node: NodeRun, update: TaskUpdate): void {
    this.updates.push({ node, update });
  }

  stopTask(node: NodeRun, taskId: TaskId, stop: TaskStop): void {
    this.stops.push({ node, taskId, stop });
  }

  releaseOutput(node: NodeRun, taskId: TaskId): void {
    this.released.push({ node, taskId });
  }

  /** Tasks in the order of their first update. */
  get tasks(): readonly TaskId[] {
    return this.updates
      .filter(({ update }) => update.fragment !== undefined)
      .map(({ update }) => update.taskId);
  }

  status(taskId: TaskId, state: TaskStateKind, changes: Partial<TaskStatus> = {}): TaskStatus {
    const ofTask = this.updates.filter(
      ({ update }) => formatTaskId(update.taskId) === formatTaskId(taskId),
    );
    const [first] = ofTask;
    if (first === undefined) throw new Error(`no task ${formatTaskId(taskId)} was ordered`);
    this.#version += 1;
    const assignments = ofTask.flatMap(({ update }) => update.splitAssignments);
    return {
      taskId,
      nodeId: first.node.nodeId,
      nodeInstanceId: first.node.nodeInstanceId,
      version: this.#version,
      state,
      outputs: [],
      queuedSplitWeight: 0,
      receivedSplits: assignments.map(({ sourceId, splits }) => ({
        sourceId,
        sequenceId: splits.at(-1)?.sequenceId ?? -1,
      })),
      blockedReason: 'none',
      stats: NO_TASK_STATS,
      ...changes,
    };
  }
}

/** Plans what the test says, when it says so. */
export class FakePlanner implements Planner {
  readonly requests: PlanRequest[] = [];
  readonly #answers: Deferred<QueryPlan>[] = [];

  plan(request: PlanRequest, signal: AbortSignal): Promise<QueryPlan> {
    this.requests.push(request);
    const answer = deferred<QueryPlan>();
    this.#answers.push(answer);
    signal.addEventListener('abort', () => answer.reject(signal.reason));
    return answer.promise;
  }

  async answer(index: number, plan: QueryPlan | Error = aPlan()): Promise<void> {
    const answer = this.#answers[index];
    if (answer === undefined) throw new Error(`no plan ${index} was asked for`);
    if (plan instanceof Error) answer.reject(plan);
    else answer.resolve(plan);
    await settle();
  }
}

/** One task on one worker, for the client. */
export function aPlan(changes: Partial<QueryPlan> = {}): QueryPlan {
  return {
    fragments: [aFragment(0)],
    scans: [],
    rung: 'small',
    rungReason: 'tested',
    ...changes,
  };
}

export function aLocation(taskId: TaskId, node: SchedulerNode): OutputLocation {
  return {
    taskId,
    nodeId: node.nodeId,
    nodeInstanceId: node.nodeInstanceId,
    address: node.address,
    outputIndex: 0,
    bufferId: 0 as OutputLocation['bufferId'],
  };
}

/** A log that remembers, and lets the test hold up its commits. */
export class FakeQueryLog implements QueryLog {
  readonly turns: LoggedTurn[] = [];
  isClosed = false;
  commit: () => Promise<void> = () => Promise.resolve();

  async append(turns: readonly LoggedTurn[]): Promise<void> {
    this.turns.push(...turns);
    await this.commit();
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }
}

export const ALICE = { name: 'alice' };
export const BOB = { name: 'bob' };

/** A registry in a world that stands still unless the test moves it. */
export class RegistryFixture {
  readonly clock = new VirtualClock();
  readonly workers = new FakeWorkers();
  readonly planner = new FakePlanner();
  readonly logs = new Map<QueryId, FakeQueryLog>();
  nodes: readonly SchedulerNode[] = someNodes(1);
  readonly registry: QueryRegistry;

  constructor(options: Partial<QueryRegistryOptions & RootLimits> = {}) {
    const { maxRunningQueries = 2, maxQueuedQueries = 2, ...others } = options;
    this.registry = new QueryRegistry(
      {
        resourceGroups: defaultTree({ maxRunningQueries, maxQueuedQueries }),
        clientTimeoutMs: 300_000,
        finishedQueryMaxAgeMs: 900_000,
        finishedQueryMaxCount: 10,
        ...others,
      },
      {
        planner: this.planner,
        cluster: { activeNodes: () => this.nodes },
        workers: this.workers,
        openLog: (queryId) => this.#openLog(queryId),
        clock: this.clock,
        log: silentLogger,
        randomBytes: (count) => Uint8Array.from({ length: count }, (_, index) => index),
      },
    );
  }

  submit(
    changes: Partial<Parameters<QueryRegistry['submit']>[0]> = {},
  ): ReturnType<QueryRegistry['submit']> {
    return this.registry.submit({
      sql: 'SELECT 1',
      principal: ALICE,
      sessionProperties: {},
      session: NEW_SESSION,
      requestId: '',
      parameters: new Uint8Array(),
      ...changes,
    });
  }

  /** Alice's query, planned and with its one task running. */
  async running(changes: Parameters<RegistryFixture['submit']>[0] = {}): Promise<QueryId> {
    const { queryId } = this.submit(changes);
    await this.planner.answer(this.planner.requests.length - 1);
    await settle();
    await this.report('running');
    return queryId;
  }

  /** The last task that was ordered reports. */
  async report(state: TaskStateKind, changes: Partial<TaskStatus> = {}): Promise<void> {
    const task = this.workers.tasks.at(-1);
    if (task === undefined) throw new Error('no task was ordered');
    this.registry.onTaskStatus(this.workers.status(task, state, changes));
    await settle();
  }

  #openLog(queryId: QueryId): QueryLog {
    const log = new FakeQueryLog();
    this.logs.set(queryId, log);
    return log;
  }
}
