/**
 * Stages that begin before all that they read is stored (F3, §2.5): what their producers have finished is dealt to them as it
 * comes, and their partitions that have some of their input may run, as speculations that give way to any other task. A
 * partition whose input is complete is standard, whatever its stage has begun as (F13).
 */
import { assertNever } from '../../common/assert.ts';
import type { SourceId } from '../../common/ids.ts';
import type { InputTree } from '../../common/plan/plan-fragment.ts';
import { inputTreeOf, sourcesOf } from './execution-policy/fragment-inputs.ts';
import type { ExecutionClass } from './fault-tolerant/execution-class.ts';
import { findLease } from './fault-tolerant/node-lease.ts';
import { decidedCountOf } from './fault-tolerant/output-selector.ts';
import { queuedCount } from './fault-tolerant/scheduling-queue.ts';
import { isEagerFragment, readinessOf } from './fault-tolerant/stage-readiness.ts';
import type { ProducerReadiness } from './fault-tolerant/stage-readiness.ts';
import { isWhole } from './partition-state.ts';
import type { PartitionState } from './partition-state.ts';
import { rootStage } from './scheduler-state.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import { linksTo, outputOf, producersOf } from './stage-link.ts';
import type { Link } from './stage-link.ts';
import { estimateOutput } from './stage-output.ts';
import type { StageState } from './stage-state.ts';

/** The class that a planned stage may begin in now; `undefined` = it has to wait. */
export function startClassOf(
  state: QuerySchedulerState,
  stage: StageState,
): ExecutionClass | undefined {
  const open = producersOf(state, stage).filter((producer) => !isWhole(producer));
  if (open.length === 0) return 'standard';
  if (!state.options.taskRetries.startsSpeculatively) return undefined;
  const isEager = isEagerStage(state, stage);
  if (!isEager && !open.every(hasBegunToGive)) return undefined;
  const isBusy = hasWaitingStandardTasks(state);
  // They come first: what producers have given by now need not be summed up for that.
  if (!isEager && isBusy) return undefined;
  return readinessOf({
    isEager,
    hasWaitingStandardTasks: isBusy,
    producers: linksTo(state, stage).map((link) => readinessOfProducer(state, link, isEager)),
  });
}

/** In which class an attempt of the partition may ask for a node; `undefined` = not before more of its input is known. */
export function classOfPartition(
  state: QuerySchedulerState,
  stage: StageState,
  { isSealed, isReady }: PartitionState,
): ExecutionClass | undefined {
  if (isSealed) return 'standard';
  if (!isReady || !state.options.taskRetries.startsSpeculatively) return undefined;
  return isEagerStage(state, stage) ? 'eager-speculative' : 'speculative';
}

/** Its small LIMIT may end the query early: only of the root, whose producers are not needed any more then. */
export function isEagerStage(state: QuerySchedulerState, stage: StageState): boolean {
  return stage === rootStage(state) && isEagerFragment(stage.fragment);
}

function hasBegunToGive(producer: StageState): boolean {
  return decidedCountOf(producer.selector, producer.stageId) > 0;
}

function hasWaitingStandardTasks({ leasing }: QuerySchedulerState): boolean {
  const { queue, allocation } = leasing;
  const isWaiting = allocation.waiting.some(
    (leaseId) => findLease(allocation, leaseId)?.executionClass === 'standard',
  );
  return isWaiting || queuedCount(queue, 'standard') > 0;
}

function readinessOfProducer(
  state: QuerySchedulerState,
  link: Link,
  isEager: boolean,
): ProducerReadiness {
  const { producer, consumer, sourceId } = link;
  const isFinished = isWhole(producer);
  return {
    isFinished,
    // The attempt that counts has its output to itself, and keeps it whatever becomes of its worker.
    isReadableEarly: outputOf(link).retention === 'spooled',
    givesRowsEarly: !hasAggregation(inputTreeOf(producer.fragment)),
    isStreamed: !isBuilt(inputTreeOf(consumer.fragment), sourceId),
    hasSizeEstimate: isFinished || estimateOutput(state, link, isEager) !== undefined,
    finishedPartitions: decidedCountOf(producer.selector, producer.stageId),
  };
}

function hasAggregation(tree: InputTree): boolean {
  switch (tree.kind) {
    case 'source':
      return false;
    case 'aggregate':
      return true;
    case 'join':
      return hasAggregation(tree.probe) || hasAggregation(tree.build);
    case 'together':
      return tree.inputs.some(hasAggregation);
    default:
      return assertNever(tree);
  }
}

/** Nothing is made of it before all of it is there: it is on the build side of a join. */
function isBuilt(tree: InputTree, sourceId: SourceId): boolean {
  switch (tree.kind) {
    case 'source':
      return false;
    case 'aggregate':
      return isBuilt(tree.input, sourceId);
    case 'join':
      return sourcesOf(tree.build).includes(sourceId) || isBuilt(tree.probe, sourceId);
    case 'together':
      return tree.inputs.some((input) => isBuilt(input, sourceId));
    default:
      return assertNever(tree);
  }
}
