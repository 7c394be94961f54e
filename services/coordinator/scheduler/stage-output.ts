/** What a stage gives to each partition of a consumer, as far as it is stored, and what is expected of the rest (F22, §2.5). */
import { estimateStageOutput, noOutput, totalBytes } from './fault-tolerant/output-size.ts';
import type { OutputSizeEstimate, StageOutputEstimate } from './fault-tolerant/output-size.ts';
import { decidedCountOf } from './fault-tolerant/output-selector.ts';
import { isWhole } from './partition-state.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import { linksTo } from './stage-link.ts';
import type { Link } from './stage-link.ts';

/** `undefined` = nothing is stored yet that would speak for the rest, and it may read much. */
export function estimateOutput(
  state: QuerySchedulerState,
  link: Link,
  isConsumerEager: boolean,
): StageOutputEstimate | undefined {
  const { producer } = link;
  const progress = {
    outputPartitionCount: state.partitionToNode.length,
    partitionCount: producer.partitions.length,
    finishedCount: decidedCountOf(producer.selector, producer.stageId),
    noMorePartitions: isWhole(producer) || producer.planning?.hasAllPartitions === true,
    finishedOutput: storedOutput(state, link),
    // Only stages of which too little is known are judged by their own inputs.
    get remoteInputBytes() {
      return linksTo(state, producer).map((input) => expectedBytes(state, input));
    },
    hasScans: producer.scans.length > 0,
    isConsumerEager,
  };
  return estimateStageOutput(progress, state.options.taskRetries.estimation);
}

function expectedBytes(state: QuerySchedulerState, link: Link): number | undefined {
  const expected = estimateOutput(state, link, false);
  return expected === undefined ? undefined : totalBytes(expected.estimate);
}

/** Bytes by partition of the consumer, of all that the producer has stored for it. */
function storedOutput(
  state: QuerySchedulerState,
  { producer, outputIndex }: Link,
): OutputSizeEstimate {
  const bytes = producer.selectedBytes[outputIndex] ?? [];
  const none = noOutput(state.partitionToNode.length).partitionBytes;
  return { partitionBytes: none.map((_, index) => bytes[index] ?? 0) };
}
