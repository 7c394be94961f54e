/**
 * Queries that retry tasks live on: one that fails for a failure which another attempt may not meet has had too many of them,
 * of one partition (F10) or of one output (R19). Or the client may have rows of what would come out otherwise this time (I43).
 */
import { formatTaskId } from '../../../services/common/ids.ts';
import type { TaskId } from '../../../services/common/ids.ts';
import type { PlanFragment } from '../../../services/common/plan/plan-fragment.ts';
import { lostOutputOf } from '../../../services/common/task/fetch-failure.ts';
import type { TaskStatus } from '../../../services/common/task/task-status.ts';
import type { SchedulerEffect } from '../../../services/coordinator/scheduler/scheduler-effect.ts';
import type { SchedulerEvent } from '../../../services/coordinator/scheduler/scheduler-event.ts';
import type { TaskRetryOptions } from '../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import type { Checker, Violations } from './checker.ts';

/** What a query may fail for at once, or for reasons of its own. */
const FINAL = new Set([
  'INVALID_INPUT',
  'SOURCE_READ_FAILED',
  'QUERY_CANCELLED',
  'QUERY_TIMEOUT',
  'NO_NODES_AVAILABLE',
]);

export class SurvivalChecker implements Checker {
  readonly #options: TaskRetryOptions;
  readonly #violations: Violations;
  /** Of live attempts. */
  readonly #runs = new Map<string, { readonly taskId: TaskId; readonly run: string }>();
  readonly #failures = new Map<string, number>();
  readonly #losses = new Map<string, number>();
  /** Stages that come out otherwise when they are run again. */
  readonly #openStages: ReadonlySet<number>;
  #hasLostOpen = false;
  #isShown = false;

  constructor(
    fragments: readonly PlanFragment[],
    options: TaskRetryOptions,
    violations: Violations,
  ) {
    const open = fragments.filter(({ determinism }) => determinism === 'indeterminate');
    this.#openStages = new Set(open.map(({ id }) => id));
    this.#options = options;
    this.#violations = violations;
  }

  onTurn(event: SchedulerEvent | 'created', effects: readonly SchedulerEffect[]): void {
    if (event !== 'created') this.#note(event);
    for (const effect of effects) {
      if (effect.kind === 'add-result-locations') this.#isShown ||= effect.locations.length > 0;
      if (effect.kind === 'update-task' && effect.fragment !== undefined) {
        const { taskId, nodeInstanceId: run } = effect;
        this.#runs.set(formatTaskId(taskId), { taskId, run });
      }
      if (effect.kind === 'stop-task') this.#runs.delete(formatTaskId(effect.taskId));
      if (effect.kind === 'fail-query' && !FINAL.has(effect.error.code))
        this.#checkEnd(effect.error.code);
    }
  }

  #note(event: SchedulerEvent): void {
    if (event.kind === 'node-lost') this.#loseRuns((run) => run === event.nodeInstanceId);
    if (event.kind === 'node-joined') {
      const { nodeId, nodeInstanceId } = event.node;
      this.#loseRuns((run) => run.startsWith(`${nodeId}-run-`) && run !== nodeInstanceId);
    }
    if (event.kind === 'task-status') this.#noteStatus(event.status);
  }

  #loseRuns(isLost: (run: string) => boolean): void {
    for (const [name, { taskId, run }] of this.#runs) {
      if (!isLost(run)) continue;
      this.#runs.delete(name);
      add(this.#failures, partitionOf(taskId));
    }
  }

  #noteStatus({ taskId, state, error }: TaskStatus): void {
    if (state === 'running' || state === 'flushing') return;
    const isKnown = this.#runs.delete(formatTaskId(taskId));
    if (!isKnown || state === 'finished') return;
    const lost = error === undefined ? undefined : lostOutputOf(error);
    if (lost === undefined) return add(this.#failures, partitionOf(taskId));
    add(this.#losses, partitionOf(lost.taskId));
    this.#hasLostOpen ||= this.#openStages.has(lost.taskId.stageId);
  }

  #checkEnd(code: string): void {
    const { maxAttempts, maxOutputLosses } = this.#options;
    const failures = Math.max(0, ...this.#failures.values());
    const losses = Math.max(0, ...this.#losses.values());
    if (failures >= maxAttempts || losses >= maxOutputLosses) return;
    if (this.#isShown && this.#hasLostOpen) return;
    this.#violations.push(`survival: ${code} after ${failures} failures and ${losses} losses`);
  }
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function partitionOf({ stageId, partitionId }: TaskId): string {
  return `${stageId}.${partitionId}`;
}
