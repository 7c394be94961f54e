/**
 * Failed attempts of queries that retry tasks (F10, F16, F17, R19; SPEC.md, attempts and stored exchanges): the attempt is
 * judged by its failure, by what it had and by what its partition has left.
 */
import { assertNever } from '../../common/assert.ts';
import type { ErrorReport } from '../../common/error.ts';
import type { NodeId } from '../../common/ids.ts';
import { lostOutputOf } from '../../common/task/fetch-failure.ts';
import type { LostOutput } from '../../common/task/fetch-failure.ts';
import { dropAttempt, loseSelected } from './attempts.ts';
import type { FailedAttempt } from './attempts.ts';
import { blamesNode, classOf, rewriteTransportFailure } from './fault-tolerant/failure-class.ts';
import { judgeFailure } from './fault-tolerant/failure-verdict.ts';
import { noteFailure } from './fault-tolerant/node-exclusion.ts';
import { delayScheduling, resumesAt } from './fault-tolerant/retry-delay.ts';
import { attemptsOf, isSelected, partitionOf, selectedAttempt } from './partition-state.ts';
import { failQuery } from './query-transitions.ts';
import { findNode } from './scheduler-state.ts';
import { producersOf } from './stage-link.ts';
import { largestNodeBytes, learnNeeds, promoteLeases, renewRequest } from './lease-state.ts';
import { hostOf } from './slow-attempts.ts';
import type { Turn } from './turn.ts';

/** The partition runs again, its input is made again first, or the query fails. */
export function judgeAttempt(turn: Turn, failed: FailedAttempt): void {
  const { state } = turn;
  const { stage, task } = failed;
  const partition = partitionOf(stage, task);
  dropAttempt(turn, stage, task);
  const { planning } = stage;
  // Another attempt of it is read: that this one failed changes nothing.
  if (planning === null || isSelected(stage, partition)) return;
  const error = causeOf(turn, failed.error);
  const needBytes = task.memoryBytes;
  const peakBytes = task.stats.peakMemoryBytes;
  const attemptsLeft = state.options.taskRetries.maxAttempts - partition.failureCount;
  const ended = { error, attemptsLeft, needBytes, peakBytes };
  const verdict = judgeFailure(ended, planning.estimator, largestNodeBytes(state));
  switch (verdict.kind) {
    case 'fail-query':
      return failQuery(turn, verdict.error, stage);
    case 'restore-input':
      promoteLeases(state, attemptsOf(stage, partition));
      return restoreInput(turn, failed, verdict.lost);
    case 'retry-task':
      partition.failureCount += attemptsLeft - verdict.attemptsLeft;
      // The attempt beside it may have had more.
      partition.needBytes = Math.max(partition.needBytes, verdict.needBytes);
      learnNeeds(state, stage, { needBytes, peakBytes, code: error.code });
      renewRequest(state, stage, partition);
      if (blamesNode(classOf(error))) blame(turn, failed);
      promoteLeases(state, attemptsOf(stage, partition));
      // A speculation is not tried again before more of its input is there.
      partition.isReady = false;
      if (verdict.delays) pauseScheduling(turn);
      return undefined;
    default:
      return assertNever(verdict);
  }
}

/**
 * What the attempt could not read is lost, if it still counts: its partition runs again. An output that is lost again and
 * again will not be there the next time either. A reader that names what it does not read has failed by itself.
 */
function restoreInput(turn: Turn, { stage, task, error }: FailedAttempt, lost: LostOutput): void {
  const { maxAttempts, maxOutputLosses } = turn.state.options.taskRetries;
  const producer = producersOf(turn.state, stage).find(
    ({ stageId }) => stageId === lost.taskId.stageId,
  );
  const partition = producer?.partitions[lost.taskId.partitionId];
  if (producer === undefined || partition === undefined) {
    const reader = partitionOf(stage, task);
    reader.failureCount += 1;
    if (reader.failureCount >= maxAttempts) failQuery(turn, error, stage);
    return;
  }
  const selected = selectedAttempt(producer, partition);
  if (selected?.taskId.attempt !== lost.taskId.attempt) return;
  partition.lossCount += 1;
  if (partition.lossCount >= maxOutputLosses) failQuery(turn, error, stage);
  else loseSelected(turn, producer, { lost: [selected], error });
}

/** What a transport failure means where the worker that it names is gone (F20); a lost output is lost whoever made it. */
function causeOf({ state }: Turn, error: ErrorReport): ErrorReport {
  if (lostOutputOf(error) !== undefined) return error;
  return rewriteTransportFailure(error, (id) => findNode(state, id as NodeId) === undefined);
}

/** The place may be to blame (S17). */
function blame({ state, now }: Turn, { stage, task }: FailedAttempt): void {
  const { stageId } = stage;
  const { partitionId } = task.taskId;
  const { nodeId, address } = task;
  const place = { nodeId, host: hostOf(address) };
  noteFailure(state.failures, { stageId, partitionId, ...place, failedAt: now });
}

/** Failures that are nobody's own fault come in swarms: nothing is started until they have passed (F19). */
function pauseScheduling(turn: Turn): void {
  const { delay, options } = turn.state;
  delayScheduling(delay, turn.now, options.retryDelays);
  const at = resumesAt(delay, turn.now);
  if (at === undefined || at === turn.state.pausedUntil) return;
  turn.state.pausedUntil = at;
  turn.effects.push({ kind: 'arm-timer', timer: { kind: 'scheduling-delay' }, at });
}
