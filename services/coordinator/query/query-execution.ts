import type { Clock } from '../../common/clock.ts';
import type { ErrorReport } from '../../common/error.ts';
import { EngineError, fromErrorReport, toErrorReport } from '../../common/error.ts';
import type { Instant } from '../../common/ids.ts';
import type { Logger } from '../../common/logger.ts';
import type { QueryPlan } from '../../common/plan/plan-fragment.ts';
import type { SessionState } from '../../common/session-state.ts';
import type { QueryListener, WorkerGateway } from '../runtime/ports.ts';
import { SchedulerLoop } from '../runtime/scheduler-loop.ts';
import { Timers } from '../runtime/timers.ts';
import { eligibleNodes } from '../scheduler/placement/node-labels.ts';
import type { SchedulerEvent, SchedulerNode } from '../scheduler/scheduler-event.ts';
import { chooseDiscipline } from '../scheduler/disciplines.ts';
import { DEFAULT_SCHEDULER_OPTIONS } from '../scheduler/scheduler-options.ts';
import type { SchedulerOptions } from '../scheduler/scheduler-options.ts';
import { ScanSplitSources } from '../split-source/scan-split-sources.ts';
import { analysisResult } from './analysis-result.ts';
import type { Cluster, OpenQueryLog, Planner } from './ports.ts';
import type { Query } from './query.ts';

export interface QueryExecutionDeps {
  readonly planner: Planner;
  readonly cluster: Cluster;
  readonly workers: WorkerGateway;
  readonly openLog: OpenQueryLog;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Answers a question of the planner, as an Arrow IPC stream, in the name of the query's owner. */
export type Ask = (sql: string, inputs: PlanInputs, signal: AbortSignal) => Promise<Uint8Array>;

/** What the client sent beside the statement; of no use once the query is planned. */
export interface PlanInputs {
  readonly sessionProperties: Readonly<Record<string, string>>;
  readonly session: SessionState;
  readonly parameters: Uint8Array;
  /** Seed of the scheduler's choices. */
  readonly seed: number;
}

/** How long the tasks of an ended query may take to end; their late statuses are of no use then. */
const DRAIN_MS = 30_000;

/** One query at work: planned, then scheduled to its end. */
export class QueryExecution {
  readonly query: Query;
  readonly #deps: QueryExecutionDeps;
  readonly #timers: Timers;
  readonly #planning = new AbortController();
  readonly #ask: Ask;
  #loop: SchedulerLoop | undefined;
  /** Of EXPLAIN ANALYZE: when all rows were computed. */
  #rowsAt: Instant | undefined;

  constructor(query: Query, deps: QueryExecutionDeps, ask: Ask) {
    this.query = query;
    this.#ask = ask;
    this.#deps = deps;
    this.#timers = new Timers(deps.clock);
    // A query may wait for longer than it may run; its scheduler has a timer of its own.
    this.#timers.at(this.#deadline, () => {
      const message = 'the query ran longer than query_max_run_time';
      if (this.#loop === undefined) this.cancel({ code: 'QUERY_TIMEOUT', message });
    });
  }

  get #deadline(): Instant {
    const { createdAt, properties } = this.query.traits;
    return (createdAt + properties.query_max_run_time) as Instant;
  }

  /** Plans and runs the query until no worker has a task of it. Never rejects. */
  async run(inputs: PlanInputs): Promise<void> {
    this.query.moveTo('planning');
    const plan = await this.#plan(inputs);
    if (plan !== undefined && !this.query.isEnded) await this.#schedule(plan, inputs.seed);
    this.#timers.close();
    this.#loop = undefined;
  }

  /** A fact about a task or a node, for the scheduler. */
  post(event: SchedulerEvent): void {
    this.#loop?.post(event);
  }

  /** Ends the query with this error, wherever it is. A query that is being scheduled ends a moment later. */
  cancel(error: ErrorReport): void {
    if (this.#loop !== undefined) return this.#loop.post({ kind: 'cancel-requested', error });
    this.query.fail(error);
    this.#timers.close();
    this.#planning.abort(fromErrorReport(error));
  }

  /** The client has all of the result. */
  release(): void {
    this.query.results.release();
    this.#loop?.post({ kind: 'result-released' });
  }

  /** Those that the query may use. */
  #nodes(): readonly SchedulerNode[] {
    const requiredLabels = this.query.traits.properties.required_labels;
    return eligibleNodes(this.#deps.cluster.activeNodes(), { requiredLabels });
  }

  async #plan(inputs: PlanInputs): Promise<QueryPlan | undefined> {
    const { queryId, sql, principal, properties } = this.query.traits;
    const nodes = this.#nodes();
    const request = {
      queryId,
      sql,
      principal,
      sessionProperties: inputs.sessionProperties,
      session: inputs.session,
      parameters: inputs.parameters,
      answers: new Uint8Array(),
      workerCount: Math.max(1, nodes.length),
      tasksPerWorker: Math.max(
        1,
        ...nodes.map((node) => lanesOf(node, properties.task_concurrency)),
      ),
    };
    try {
      const { signal } = this.#planning;
      const plan = await this.#deps.planner.plan(request, signal);
      if (plan.question === undefined) return plan;
      const answers = await this.#ask(plan.question, inputs, signal);
      return await this.#deps.planner.plan({ ...request, answers }, signal);
    } catch (error) {
      if (!(error instanceof EngineError)) {
        this.#deps.log.error({ queryId, err: error }, 'planning failed by a bug');
      }
      this.query.fail(toErrorReport(error));
      return undefined;
    }
  }

  async #schedule(plan: QueryPlan, seed: number): Promise<void> {
    const { workers, openLog, clock, log } = this.#deps;
    const { queryId, principal, capability, properties } = this.query.traits;
    const nodes = this.#nodes();
    const lanes = nodes.map((node) => lanesOf(node, properties.task_concurrency));
    const splits = new ScanSplitSources(plan.scans, {
      targetBytes: properties.split_target_bytes,
      taskCount: lanes.reduce((sum, count) => sum + count, 0),
    });
    const terms = {
      principal,
      capability,
      deadline: this.#deadline,
      memoryLimitBytes: properties.query_max_memory_per_task,
      share: this.query.share,
      ...(plan.analysis === undefined ? {} : { isProfiled: true }),
    };
    const executionStartedAt = clock.now();
    const timers = new Timers(clock);
    const loop = new SchedulerLoop(
      {
        workers,
        splits,
        timers,
        clock,
        log,
        listener: plan.analysis === undefined ? this.#listener() : this.#analysisListener(),
        queryLog: openLog(queryId),
      },
      terms,
    );
    this.#loop = loop;
    this.query.onPlanned(plan, loop);
    this.query.moveTo('starting');
    const options = this.#schedulerOptions(seed);
    await loop.run({
      queryId,
      fragments: plan.fragments,
      nodes,
      deadline: terms.deadline,
      options,
    });
    this.query.onSchedulerGone();
    if (plan.analysis !== undefined && !this.query.isEnded) {
      const executionMs = (this.#rowsAt ?? clock.now()) - executionStartedAt;
      const finished = { plan, executionStartedAt, executionMs };
      this.query.addResults([analysisResult(this.query, finished, plan.analysis)], true);
      this.query.moveTo('finished');
    }
  }

  /** The rows go nowhere; the answer is made when all tasks have told how they ended. */
  #analysisListener(): QueryListener {
    const listener = this.#listener();
    return {
      ...listener,
      onResultLocations: () => undefined,
      onResultChange: () => undefined,
      onEnd: (error) => {
        this.#rowsAt = this.#deps.clock.now();
        if (error === undefined) this.#drain();
        else listener.onEnd(error);
      },
    };
  }

  #listener(): QueryListener {
    const { query } = this;
    return {
      onResultLocations: (locations, noMore) => query.addResults(locations, noMore),
      onResultChange: (attempt, commitment) => query.changeResult(attempt, commitment),
      onState: (state) => query.moveTo(state),
      onProgress: () => query.onProgress(),
      onEnd: (error) => {
        if (error === undefined) query.moveTo('finished');
        else query.fail(error);
        this.#drain();
      },
    };
  }

  #drain(): void {
    const drainedAt = (this.#deps.clock.now() + DRAIN_MS) as Instant;
    this.#timers.at(drainedAt, () => this.#loop?.close());
  }

  #schedulerOptions(seed: number): SchedulerOptions {
    const { properties } = this.query.traits;
    return {
      ...DEFAULT_SCHEDULER_OPTIONS,
      ...chooseDiscipline(properties),
      hashPartitionCount: properties.hash_partition_count,
      taskConcurrency: properties.task_concurrency,
      dynamicFilterWaitMs: properties.dynamic_filter_wait,
      taskRetries: {
        ...DEFAULT_SCHEDULER_OPTIONS.taskRetries,
        startsSpeculatively: properties.speculative_start === 'on',
      },
      splitPlacement: properties.split_placement,
      splitAffinity: properties.split_affinity,
      localityWaitMs: properties.locality_wait,
      requiredLabels: properties.required_labels,
      maxQueryRetries: properties.query_retry_attempts,
      retryDelays: {
        ...DEFAULT_SCHEDULER_OPTIONS.retryDelays,
        initialDelayMs: properties.retry_initial_delay,
        maxDelayMs: properties.retry_max_delay,
      },
      stallTimeoutMs: properties.query_stall_timeout,
      standardSplitBytes: Math.max(1, properties.split_target_bytes),
      seed,
    };
  }
}

function lanesOf(node: SchedulerNode, taskConcurrency: number): number {
  return taskConcurrency === 0 ? node.taskConcurrency : taskConcurrency;
}
