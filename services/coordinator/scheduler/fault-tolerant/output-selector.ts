/**
 * Which attempt of each producer partition is read (F16, F21). A partition is unknown until it is selected or skipped, and
 * what was decided stays so; a final selector has nothing unknown. Versions grow with every change, so that an older
 * selector is told from a newer one.
 */
import { assert } from '../../../common/assert.ts';
import type { PartitionId, StageId } from '../../../common/ids.ts';

/** An attempt; `skipped`: the partition is not read at all, since its stage ended early. */
export type Selection = number | 'unknown' | 'skipped';

export interface StageSelection {
  readonly stageId: StageId;
  /** By partition; a partition beyond the end is unknown. */
  readonly selections: readonly Selection[];
}

export interface OutputSelector {
  readonly version: number;
  /** Nothing is unknown, and no partition will follow. */
  readonly isFinal: boolean;
  readonly stages: readonly StageSelection[];
}

export function createOutputSelector(stageId: StageId): OutputSelector {
  return { version: 0, isFinal: false, stages: [{ stageId, selections: [] }] };
}

export function selectionOf(
  selector: OutputSelector,
  stageId: StageId,
  partitionId: PartitionId,
): Selection {
  return selectionsOf(selector, stageId)[partitionId] ?? 'unknown';
}

/** Decides what is read of a partition; the first decision counts, and another one is a bug. */
export function select(
  selector: OutputSelector,
  partition: { readonly stageId: StageId; readonly partitionId: PartitionId },
  selection: Exclude<Selection, 'unknown'>,
): OutputSelector {
  const { stageId, partitionId } = partition;
  assert(!selector.isFinal, 'a final selector does not change');
  const known = selectionOf(selector, stageId, partitionId);
  assert(known === 'unknown', `partition ${partitionId} of stage ${stageId} is decided`);
  return withSelection(selector, partition, selection);
}

/** All partitions of the stage are there and decided. */
export function finishSelection(
  selector: OutputSelector,
  stageId: StageId,
  partitionCount: number,
): OutputSelector {
  assert(!selector.isFinal, 'a final selector does not change');
  const selections = selectionsOf(selector, stageId);
  const isComplete = selections.length === partitionCount && !selections.includes('unknown');
  assert(isComplete, `every partition of stage ${stageId} is decided`);
  return { ...selector, version: selector.version + 1, isFinal: true };
}

/**
 * The selected output of a partition is gone with its worker (retained links only, R17, R19): it is unknown again until a
 * new attempt has made it. The one way in which a decision is taken back.
 */
export function forgetSelection(
  selector: OutputSelector,
  partition: { readonly stageId: StageId; readonly partitionId: PartitionId },
): OutputSelector {
  const known = selectionOf(selector, partition.stageId, partition.partitionId);
  assert(typeof known === 'number', 'only an output that was selected is lost');
  return { ...withSelection(selector, partition, 'unknown'), isFinal: false };
}

/** One selector for a source that reads several stages (T16); no stage may be in two of them. */
export function mergeSelectors(selectors: readonly OutputSelector[]): OutputSelector {
  const stages = selectors.flatMap((selector) => selector.stages);
  const distinct = new Set(stages.map(({ stageId }) => stageId));
  assert(distinct.size === stages.length, 'merged selectors are of different stages');
  return {
    version: selectors.reduce((sum, { version }) => sum + version, 0),
    isFinal: selectors.every(({ isFinal }) => isFinal),
    stages,
  };
}

function selectionsOf(selector: OutputSelector, stageId: StageId): readonly Selection[] {
  const stage = selector.stages.find((candidate) => candidate.stageId === stageId);
  assert(stage !== undefined, `the selector knows stage ${stageId}`);
  return stage.selections;
}

function withSelection(
  selector: OutputSelector,
  partition: { readonly stageId: StageId; readonly partitionId: PartitionId },
  selection: Selection,
): OutputSelector {
  const { stageId, partitionId } = partition;
  const stages = selector.stages.map((stage) => {
    if (stage.stageId !== stageId) return stage;
    const length = Math.max(stage.selections.length, partitionId + 1);
    const selections = Array.from({ length }, (_, index) =>
      index === partitionId ? selection : (stage.selections[index] ?? 'unknown'),
    );
    return { stageId, selections };
  });
  return { ...selector, version: selector.version + 1, stages };
}
