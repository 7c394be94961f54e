/** All splits to the only partition, which is there even without any (F25, §2.1). */
import type { PartitionId } from '../../../common/ids.ts';
import {
  ANY_NODE,
  draftAssignment,
  draftUpdate,
  finishDraft,
  takeBatch,
} from './split-assignment.ts';
import type { AssignmentResult, OpenSources, SplitBatch } from './split-assignment.ts';

export interface SingleSplitAssigner extends OpenSources {
  readonly kind: 'single';
}

const ONLY = 0 as PartitionId;

export function openSingle(state: SingleSplitAssigner): AssignmentResult {
  const draft = draftAssignment();
  draft.partitionsAdded.push({ partitionId: ONLY, requirements: ANY_NODE });
  draft.noMorePartitions = true;
  if (state.openSources.length === 0) draft.sealed.push(ONLY);
  return finishDraft(draft);
}

export function assignSingle(state: SingleSplitAssigner, batch: SplitBatch): AssignmentResult {
  const draft = draftAssignment();
  takeBatch(state, batch);
  draftUpdate(draft, ONLY, { ...batch, isReady: true });
  if (state.openSources.length === 0) draft.sealed.push(ONLY);
  return finishDraft(draft);
}
