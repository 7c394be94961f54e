import { assertNever } from '../../common/assert.ts';
import { EngineError, toErrorReport } from '../../common/error.ts';
import type { ErrorReport } from '../../common/error.ts';
import type { Instant, SourceId, TaskId } from '../../common/ids.ts';
import { formatTaskId } from '../../common/ids.ts';
import type { Logger } from '../../common/logger.ts';
import type { QueryShare } from '../../common/sharing/query-share.ts';
import type { Principal } from '../../common/task/task-status.ts';
import type { SchedulerEffect } from '../scheduler/scheduler-effect.ts';
import type { SchedulerEvent } from '../scheduler/scheduler-event.ts';
import type { NodeRun, QueryListener, SplitSources, WorkerGateway } from './ports.ts';
import type { Timers } from './timers.ts';

/** What every task of a query is told alike. */
export interface TaskTerms {
  readonly principal: Principal;
  readonly capability: Uint8Array;
  readonly deadline: Instant;
  /** 0 = the worker decides. */
  readonly memoryLimitBytes: number;
  /** Its statements are measured exactly. */
  readonly isProfiled?: boolean;
  readonly share: QueryShare;
}

export interface EffectRunnerDeps {
  readonly workers: WorkerGateway;
  readonly splits: SplitSources;
  readonly timers: Timers;
  readonly listener: QueryListener;
  readonly log: Logger;
  /** Facts that follow from effects. */
  readonly post: (event: SchedulerEvent) => void;
}

type LoadSplits = Extract<SchedulerEffect, { readonly kind: 'load-splits' }>;

/** Carries out the orders of one query's scheduler. Nothing here decides. */
export class EffectRunner {
  readonly #deps: EffectRunnerDeps;
  readonly #terms: TaskTerms;
  /** Tasks that a worker has heard of. */
  readonly #tasks = new Map<string, { readonly taskId: TaskId; readonly node: NodeRun }>();
  readonly #sources = new Set<SourceId>();
  #isEnded = false;

  constructor(deps: EffectRunnerDeps, terms: TaskTerms) {
    this.#deps = deps;
    this.#terms = terms;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  run(effect: SchedulerEffect): void {
    const { workers, splits, timers, listener, log, post } = this.#deps;
    switch (effect.kind) {
      case 'update-task':
        return this.#updateTask(effect);
      case 'stop-task':
        return workers.stopTask(effect, effect.taskId, effect.stop);
      case 'release-output':
        return workers.releaseOutput(effect, effect.taskId);
      case 'load-splits':
        return void this.#loadSplits(effect);
      case 'close-split-source':
        this.#sources.delete(effect.sourceId);
        return splits.close(effect.sourceId);
      case 'add-result-locations':
        return listener.onResultLocations(effect.locations, effect.noMore);
      case 'change-result':
        return listener.onResultChange(effect.attempt, effect.commitment);
      case 'rewind-split-source':
        return splits.rewind(effect.sourceId);
      case 'report-retry': {
        const { attempt, at, error } = effect;
        return log.warn({ attempt, at, error }, 'a query has failed and is tried again');
      }
      case 'change-query-state':
        return listener.onState(effect.state);
      case 'finish-query':
        return this.#end(undefined);
      case 'fail-query':
        return this.#end(effect.error);
      case 'report-stall':
        return log.error({ stages: effect.stages, tasks: effect.tasks }, 'a query stands still');
      case 'report-bad-status': {
        const { taskId, problem } = effect;
        return log.warn({ task: formatTaskId(taskId), problem }, 'a status was ignored');
      }
      case 'arm-timer': {
        const { at, timer } = effect;
        timers.at(at, () => post({ kind: 'timer-fired', timer }));
        return undefined;
      }
      default:
        return assertNever(effect);
    }
  }

  /** The scheduler itself has failed and gives no more orders: nothing of the query may go on without it. */
  abandon(error: ErrorReport): void {
    for (const { taskId, node } of this.#tasks.values()) {
      this.#deps.workers.stopTask(node, taskId, 'abort');
      this.#deps.workers.releaseOutput(node, taskId);
    }
    for (const sourceId of this.#sources) this.#deps.splits.close(sourceId);
    if (!this.#isEnded) this.#end(error);
  }

  #updateTask(effect: Extract<SchedulerEffect, { readonly kind: 'update-task' }>): void {
    const { taskId, nodeId, nodeInstanceId, fragment, memoryBytes, dynamicFilters } = effect;
    const { splitAssignments, outputBuffers } = effect;
    const { share, ...terms } = this.#terms;
    if (fragment !== undefined) {
      this.#tasks.set(formatTaskId(taskId), { taskId, node: { nodeId, nodeInstanceId } });
    }
    this.#deps.workers.updateTask(effect, {
      ...terms,
      taskId,
      ...(fragment === undefined ? {} : { fragment, share }),
      ...(memoryBytes === undefined ? {} : { memoryLimitBytes: memoryBytes }),
      splitAssignments,
      outputBuffers,
      ...(dynamicFilters === undefined ? {} : { dynamicFilters }),
    });
  }

  async #loadSplits({ sourceId, batch, maxCount, filters }: LoadSplits): Promise<void> {
    const { splits, log, post } = this.#deps;
    this.#sources.add(sourceId);
    try {
      post({
        kind: 'splits-loaded',
        sourceId,
        batch,
        ...(await splits.nextBatch(sourceId, maxCount, filters)),
      });
    } catch (error) {
      if (!(error instanceof EngineError))
        log.error({ err: error }, 'splits were not loaded by a bug');
      post({ kind: 'split-loading-failed', sourceId, batch, error: toErrorReport(error) });
    }
  }

  #end(error: ErrorReport | undefined): void {
    this.#isEnded = true;
    this.#deps.timers.close();
    this.#deps.listener.onEnd(error);
  }
}
