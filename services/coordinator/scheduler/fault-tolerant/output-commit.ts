/** One attempt of a partition may commit what it writes outside the engine (R14); whoever asks first does. */
import type { PartitionId, StageId } from '../../../common/ids.ts';

interface CommitState {
  readonly stageId: StageId;
  readonly partitionId: PartitionId;
  /** The attempt that may commit, or has. */
  owner: number | null;
  /** These have failed, and may not commit whatever arrives late from them. */
  readonly failedAttempts: number[];
}

export type OutputCommits = CommitState[];

export interface CommittingAttempt {
  readonly stageId: StageId;
  readonly partitionId: PartitionId;
  readonly attempt: number;
}

/** True for the first attempt that asks, and whenever that one asks again. */
export function mayCommit(commits: OutputCommits, attempt: CommittingAttempt): boolean {
  const state = stateOf(commits, attempt);
  if (state.failedAttempts.includes(attempt.attempt)) return false;
  state.owner ??= attempt.attempt;
  return state.owner === attempt.attempt;
}

/** The attempt has failed or is lost before its commit was known to be done: another one may. */
export function releaseCommit(commits: OutputCommits, attempt: CommittingAttempt): void {
  const state = stateOf(commits, attempt);
  if (!state.failedAttempts.includes(attempt.attempt)) state.failedAttempts.push(attempt.attempt);
  if (state.owner === attempt.attempt) state.owner = null;
}

function stateOf(commits: OutputCommits, { stageId, partitionId }: CommittingAttempt): CommitState {
  let state = commits.find((each) => each.stageId === stageId && each.partitionId === partitionId);
  if (state === undefined) {
    state = { stageId, partitionId, owner: null, failedAttempts: [] };
    commits.push(state);
  }
  return state;
}
