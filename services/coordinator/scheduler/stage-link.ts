/** The links between stages: one output of a producer that feeds one remote source of a consumer. */
import { assert, assertNever } from '../../common/assert.ts';
import type { FragmentId, OutputBufferId, SourceId } from '../../common/ids.ts';
import type { FragmentOutput } from '../../common/plan/plan-fragment.ts';
import type { OutputRetention } from '../../common/task/output-buffers.ts';
import type { OutputLocation } from '../../common/plan/split.ts';
import { retriesPartitions, spoolsOutputs } from './scheduler-options.ts';
import { stageOf } from './scheduler-state.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import { consumerFragment, isStored } from './stage-state.ts';
import type { OutputState, StageState } from './stage-state.ts';
import type { TaskState } from './task-state.ts';

/** The buffer that the only reader of a `single` output reads. */
const ONLY_BUFFER = 0 as OutputBufferId;

/** One output of a producer that feeds one remote source of a consumer. */
export interface Link {
  readonly producer: StageState;
  readonly outputIndex: number;
  readonly consumer: StageState;
  readonly sourceId: SourceId;
}

/**
 * The buffers of a new stage's output: partitioned and stored ones are declared whole, once and for all; broadcast and arbitrary
 * ones grow with their consumer's tasks (T10). A stored one of these has one buffer: all of a broadcast's readers read it, and
 * of an arbitrary output, whoever is dealt the partition. `consumerTaskCount`: of a hash consumer, fixed from the start (T12).
 */
export function createOutput(
  output: FragmentOutput,
  { retention, consumerTaskCount }: OutputTerms,
): OutputState {
  const { consumer, scheme } = output;
  const shared = { consumer, retention, version: 1, abandonedBufferIds: [] };
  switch (scheme.kind) {
    case 'single':
    case 'discard':
      return { ...shared, kind: 'partitioned', bufferIds: [ONLY_BUFFER], noMoreBufferIds: true };
    case 'hash': {
      const bufferIds = Array.from({ length: consumerTaskCount }, (_, id) => id as OutputBufferId);
      return { ...shared, kind: 'partitioned', bufferIds, noMoreBufferIds: true };
    }
    case 'broadcast':
    case 'arbitrary': {
      const isStored = retention !== 'streaming';
      const bufferIds = isStored ? [ONLY_BUFFER] : [];
      return { ...shared, kind: scheme.kind, bufferIds, noMoreBufferIds: isStored };
    }
    default:
      return assertNever(scheme);
  }
}

/** The outputs of a stage as they are before its first task. */
export function createOutputs(
  state: QuerySchedulerState,
  stage: StageState,
): readonly OutputState[] {
  const consumerTaskCount = state.partitionToNode.length;
  return stage.fragment.outputs.map((output) =>
    createOutput(output, { retention: retentionOf(state, stage, output), consumerTaskCount }),
  );
}

/** Results are stored wherever something may be run again: the client must not see rows of two runs. */
function retentionOf(
  state: QuerySchedulerState,
  { stageId }: StageState,
  { consumer }: FragmentOutput,
): OutputRetention {
  if (spoolsOutputs(state.options)) return 'spooled';
  if (retriesPartitions(state.options)) return 'retained';
  if (state.schedule.kind !== 'regions') return 'streaming';
  const isWithin =
    consumer.kind === 'fragment' && regionOf(state, stageId).includes(consumer.fragmentId);
  return isWithin ? 'streaming' : 'retained';
}

/** The stages that stream to each other with this one; itself alone where there are no regions. */
export function regionOf({ schedule }: QuerySchedulerState, id: FragmentId): readonly FragmentId[] {
  if (schedule.kind !== 'regions') return [id];
  return schedule.regions.find((region) => region.includes(id)) ?? [id];
}

interface OutputTerms {
  readonly retention: OutputRetention;
  readonly consumerTaskCount: number;
}

/** The stages that feed this one. */
export function producersOf(state: QuerySchedulerState, stage: StageState): readonly StageState[] {
  return stage.fragment.remoteSources.flatMap((source) =>
    source.producers.map((producer) => stageOf(state, producer)),
  );
}

/** The stages that this one feeds; the client is none. */
export function consumersOf(state: QuerySchedulerState, stage: StageState): readonly StageState[] {
  return stage.outputs
    .map(consumerFragment)
    .filter((id) => id !== undefined)
    .map((id) => stageOf(state, id));
}

/** Where a root task's rows are (T17). */
export function resultLocation(stage: StageState, task: TaskState): OutputLocation {
  const outputIndex = stage.outputs.findIndex((output) => output.consumer.kind === 'client');
  const location = locationOf(task, outputIndex, ONLY_BUFFER);
  const isSpooled = stage.outputs[outputIndex]?.retention === 'spooled';
  return isSpooled ? { ...location, isSpooled } : location;
}

export function linksTo(state: QuerySchedulerState, consumer: StageState): readonly Link[] {
  return consumer.fragment.remoteSources.flatMap(({ sourceId, producers }) =>
    producers.map((id) => {
      const producer = stageOf(state, id);
      const outputIndex = producer.outputs.findIndex(
        (output) => output.consumer.kind === 'fragment' && output.consumer.sourceId === sourceId,
      );
      return { producer, outputIndex, consumer, sourceId };
    }),
  );
}

export function linksFrom(state: QuerySchedulerState, producer: StageState): readonly Link[] {
  return producer.outputs.flatMap(({ consumer }, outputIndex) =>
    consumer.kind === 'client'
      ? []
      : {
          producer,
          outputIndex,
          consumer: stageOf(state, consumer.fragmentId),
          sourceId: consumer.sourceId,
        },
  );
}

/** Of the producer among all that feed the same source. */
export function keyOfLink({ producer, sourceId }: Link): string {
  return `${sourceId}/${producer.stageId}`;
}

export function outputOf(link: Link): OutputState {
  const output = link.producer.outputs[link.outputIndex];
  assert(output !== undefined, `stage ${link.producer.stageId} feeds source ${link.sourceId}`);
  return output;
}

export function bufferOf(link: Link, consumer: TaskState): OutputBufferId {
  const scheme = link.producer.fragment.outputs[link.outputIndex]?.scheme.kind;
  const isShared = scheme !== 'hash' && isStored(outputOf(link));
  return scheme === 'single' || isShared
    ? ONLY_BUFFER
    : (consumer.taskId.partitionId as number as OutputBufferId);
}

export function locationOf(
  task: TaskState,
  outputIndex: number,
  bufferId: OutputBufferId,
): OutputLocation {
  const { taskId, nodeId, nodeInstanceId, address } = task;
  return { taskId, nodeId, nodeInstanceId, address, outputIndex, bufferId };
}
