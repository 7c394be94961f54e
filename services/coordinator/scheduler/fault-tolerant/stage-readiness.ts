/**
 * When a stage that reads stored outputs may begin (F3, §2.5): surely once all of its producers have finished; before, as
 * a speculation, where what it reads early is worth having.
 */
import type { PlanFragment } from '../../../common/plan/plan-fragment.ts';
import type { ExecutionClass } from './execution-class.ts';
import { EAGER_ROW_LIMIT } from './fault-tolerant-options.ts';

/** A producer of the stage. */
export interface ProducerReadiness {
  readonly isFinished: boolean;
  /** What it has stored can be read while it stores more. */
  readonly isReadableEarly: boolean;
  /** It gives rows before it has read all of its input: no final or single aggregation, sort or window in it. */
  readonly givesRowsEarly: boolean;
  /** The stage streams its rows: they pass no build side of a join on their way. */
  readonly isStreamed: boolean;
  readonly hasSizeEstimate: boolean;
  readonly finishedPartitions: number;
}

export interface StageReadiness {
  readonly isEager: boolean;
  readonly producers: readonly ProducerReadiness[];
  /** The query has standard tasks that are queued or wait for a node: they come first. */
  readonly hasWaitingStandardTasks: boolean;
}

/** The class that the tasks of the stage begin with; `undefined` = it has to wait. */
export function readinessOf(stage: StageReadiness): ExecutionClass | undefined {
  const unfinished = stage.producers.filter((producer) => !producer.isFinished);
  if (unfinished.length === 0) return 'standard';
  if (!unfinished.every(mayBeReadEarly)) return undefined;
  if (stage.isEager) return 'eager-speculative';
  const isWorthIt = unfinished.every(
    ({ hasSizeEstimate, finishedPartitions }) => hasSizeEstimate && finishedPartitions > 0,
  );
  return isWorthIt && !stage.hasWaitingStandardTasks ? 'speculative' : undefined;
}

/** A single task with a small LIMIT may well end the query before all of its input is there. */
export function isEagerFragment(fragment: PlanFragment): boolean {
  const { partitioning, rowLimit } = fragment;
  return partitioning.kind === 'single' && rowLimit !== undefined && rowLimit < EAGER_ROW_LIMIT;
}

function mayBeReadEarly(producer: ProducerReadiness): boolean {
  return producer.isReadableEarly && producer.givesRowsEarly && producer.isStreamed;
}
