/**
 * Which attempt of each producer partition is read (F16, F21). A partition is unknown until it is selected or skipped, and
 * what was decided stays so; a final selector has nothing unknown. Versions grow with every change, so that what was read of
 * a selector is told from what it says now.
 */
import { assert } from '../../../common/assert.ts';
import type { PartitionId, StageId } from '../../../common/ids.ts';

/** An attempt; `skipped`: the partition is not read at all, since its stage ended early. */
export type Selection = number | 'unknown' | 'skipped';

export interface StageSelection {
  readonly stageId: StageId;
  /** By partition; a partition beyond the end is unknown. */
  readonly selections: Selection[];
  /** How many of them are not unknown. */
  decidedCount: number;
}

/** Changed in place: a stage decides each of its partitions, and must not copy all of them each time. */
export interface OutputSelector {
  version: number;
  /** Nothing is unknown, and no partition will follow. */
  isFinal: boolean;
  readonly stages: readonly StageSelection[];
}

export function createOutputSelector(stageId: StageId): OutputSelector {
  return { version: 0, isFinal: false, stages: [{ stageId, selections: [], decidedCount: 0 }] };
}

export function selectionOf(
  selector: OutputSelector,
  stageId: StageId,
  partitionId: PartitionId,
): Selection {
  return stageOf(selector, stageId).selections[partitionId] ?? 'unknown';
}

/** Partitions of the stage that are selected or skipped. */
export function decidedCountOf(selector: OutputSelector, stageId: StageId): number {
  return stageOf(selector, stageId).decidedCount;
}

/** Decides what is read of a partition; the first decision counts, and another one is a bug. */
export function select(
  selector: OutputSelector,
  partition: { readonly stageId: StageId; readonly partitionId: PartitionId },
  selection: Exclude<Selection, 'unknown'>,
): void {
  const { stageId, partitionId } = partition;
  assert(!selector.isFinal, 'a final selector does not change');
  const known = selectionOf(selector, stageId, partitionId);
  assert(known === 'unknown', `partition ${partitionId} of stage ${stageId} is decided`);
  const stage = stageOf(selector, stageId);
  while (stage.selections.length < partitionId) stage.selections.push('unknown');
  stage.selections[partitionId] = selection;
  stage.decidedCount += 1;
  selector.version += 1;
}

/** All partitions of the stage are there and decided. */
export function finishSelection(
  selector: OutputSelector,
  stageId: StageId,
  partitionCount: number,
): void {
  assert(!selector.isFinal, 'a final selector does not change');
  const isComplete = stageOf(selector, stageId).decidedCount === partitionCount;
  assert(isComplete, `every partition of stage ${stageId} is decided`);
  selector.version += 1;
  selector.isFinal = true;
}

/**
 * The selected output of a partition is gone with its worker (retained links only, R17, R19): it is unknown again until a
 * new attempt has made it. The one way in which a decision is taken back.
 */
export function forgetSelection(
  selector: OutputSelector,
  partition: { readonly stageId: StageId; readonly partitionId: PartitionId },
): void {
  const { stageId, partitionId } = partition;
  const known = selectionOf(selector, stageId, partitionId);
  assert(typeof known === 'number', 'only an output that was selected is lost');
  const stage = stageOf(selector, stageId);
  stage.selections[partitionId] = 'unknown';
  stage.decidedCount -= 1;
  selector.version += 1;
  selector.isFinal = false;
}

/** One selector for a source that reads several stages (T16) as they are now; no stage may be in two of them. */
export function mergeSelectors(selectors: readonly OutputSelector[]): OutputSelector {
  const stages = selectors.flatMap((selector) => selector.stages);
  const distinct = new Set(stages.map(({ stageId }) => stageId));
  assert(distinct.size === stages.length, 'merged selectors are of different stages');
  return {
    version: selectors.reduce((sum, { version }) => sum + version, 0),
    isFinal: selectors.every(({ isFinal }) => isFinal),
    stages: stages.map((stage) => ({ ...stage, selections: [...stage.selections] })),
  };
}

function stageOf(selector: OutputSelector, stageId: StageId): StageSelection {
  const stage = selector.stages.find((candidate) => candidate.stageId === stageId);
  assert(stage !== undefined, `the selector knows stage ${stageId}`);
  return stage;
}
