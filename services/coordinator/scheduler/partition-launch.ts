/**
 * Which partition runs next, and where (S10–S12): sealed ones of the earliest stage first, one for each free lane of
 * an active worker, so that a stage runs in waves. For stages whose partitions are tried again.
 */
import type { Instant } from '../../common/ids.ts';
import {
  attemptsOf,
  hasEnoughRows,
  isLive,
  isWhole,
  isZombie,
  partitionOf,
  selectedAttempt,
} from './partition-state.ts';
import type { PartitionState } from './partition-state.ts';
import { activeNodes } from './placement/node-selector.ts';
import { splitWeight } from './placement/split-placement.ts';
import { failQuery } from './query-transitions.ts';
import { describesTasks } from './scheduler-options.ts';
import { draw, laneCount } from './scheduler-state.ts';
import type { NodeState, QuerySchedulerState } from './scheduler-state.ts';
import { consumersOf, producersOf } from './stage-link.ts';
import { addAttempt } from './stage-linkage.ts';
import { isStageDone } from './stage-state.ts';
import type { StageState } from './stage-state.ts';
import { feedDescribed } from './task-inputs.ts';
import { isEnded, takesSplits } from './task-state.ts';
import type { TaskState } from './task-state.ts';
import { draftNoMoreSplits, draftSplit, stopTask } from './turn.ts';
import type { Turn } from './turn.ts';

/** Starts what can start now; the rest waits for a lane, or for a worker. */
export function launchPartitions(turn: Turn): void {
  awaitNode(turn);
  const free = freeLanesByNode(turn.state);
  for (const stage of turn.state.stages) {
    if (!mayLaunch(turn.state, stage)) continue;
    for (const partition of stage.partitions) {
      if (!awaitsAttempt(stage, partition)) continue;
      const host = chooseHost(turn.state, { stage, partition, free });
      if (host === undefined) return;
      free.set(host, (free.get(host) ?? 0) - 1);
      launch(turn, stage, { partition, host });
    }
  }
}

/** Gives a task what is written down of its splits, as far as its queue has room (F12). */
export function feedAttempt(turn: Turn, stage: StageState, task: TaskState): void {
  if (describesTasks(turn.state.options)) return feedDescribed(turn, stage, task);
  if (!takesSplits(task)) return;
  const { options } = turn.state;
  const { splits, isSealed } = partitionOf(stage, task);
  for (const input of task.inputs) {
    if (!input.isScan || input.noMoreSplits) continue;
    const target = { stage, task, sourceId: input.sourceId };
    const all = splits[input.sourceId] ?? [];
    while (input.nextSequenceId < all.length) {
      if (task.unacknowledged.length >= options.splitQueueLimits.maxUnacknowledgedSplits) return;
      const split = all[input.nextSequenceId];
      if (split === undefined) return;
      const weight = split.kind === 'empty' ? 0 : splitWeight(split, options.standardSplitBytes);
      draftSplit(turn, target, { weight, input: split });
    }
    if (isSealed) draftNoMoreSplits(turn, target);
  }
}

/** Somebody still needs what the stage makes, and it may run. */
export function mayLaunch(state: QuerySchedulerState, stage: StageState): boolean {
  if (stage.kind === 'planned' || isStageDone(stage.kind) || hasEnoughRows(stage)) return false;
  const consumers = consumersOf(state, stage);
  const isWanted = consumers.length === 0 || !consumers.every(isWhole);
  return isWanted && (describesTasks(state.options) || producersOf(state, stage).every(isWhole));
}

/** Sealed, not done, and nobody at it but zombies. */
export function awaitsAttempt(stage: StageState, partition: PartitionState): boolean {
  return partition.isSealed && isUnattended(stage, partition);
}

/** Not done, and nobody at it but zombies, whether or not all that it reads is known. */
export function isUnattended(stage: StageState, partition: PartitionState): boolean {
  return (
    selectedAttempt(stage, partition) === undefined &&
    !attemptsOf(stage, partition).some((task) => isLive(task) && !isZombie(stage, task))
  );
}

/** Lanes without a live task of this query; zombies do not count, so that what replaces them need not wait. */
function freeLanesByNode(state: QuerySchedulerState): Map<NodeState, number> {
  const used = new Map<string, number>();
  for (const stage of state.stages) {
    for (const task of stage.tasks) {
      if (!isLive(task) || isZombie(stage, task)) continue;
      used.set(task.nodeId, (used.get(task.nodeId) ?? 0) + 1);
    }
  }
  return new Map(
    activeNodes(state).map((host) => {
      const { node } = host;
      return [host, laneCount(state.options, node) - (used.get(node.nodeId) ?? 0)];
    }),
  );
}

interface Candidate {
  readonly stage: StageState;
  readonly partition: PartitionState;
  readonly free: ReadonlyMap<NodeState, number>;
}

/** The node with most free lanes, of those where the partition has failed, or still runs, least; drawn among equals. */
function chooseHost(
  state: QuerySchedulerState,
  { stage, partition, free }: Candidate,
): NodeState | undefined {
  const tries = attemptsOf(stage, partition);
  const triesOn = ({ node }: NodeState) =>
    tries.filter((task) => task.nodeId === node.nodeId && (task.kind === 'failed' || isLive(task)))
      .length;
  const open = [...free].filter(([, lanes]) => lanes > 0);
  const fewestTries = Math.min(...open.map(([host]) => triesOn(host)));
  const spared = open.filter(([host]) => triesOn(host) === fewestTries);
  const mostLanes = Math.max(...spared.map(([, lanes]) => lanes));
  const best = spared.filter(([, lanes]) => lanes === mostLanes);
  return best.length === 0 ? undefined : best[draw(state, best.length)]?.[0];
}

function launch(
  turn: Turn,
  stage: StageState,
  place: { readonly partition: PartitionState; readonly host: NodeState },
): void {
  // A worker runs one attempt of a partition at a time.
  for (const older of attemptsOf(stage, place.partition))
    if (older.nodeId === place.host.node.nodeId && !isEnded(older)) stopTask(turn, older, 'abort');
  feedAttempt(turn, stage, addAttempt(turn, stage, place));
}

/** While there is no worker nothing starts: in vain, after a while. Ends the wait when there is one. */
export function awaitNode(turn: Turn): void {
  const { state } = turn;
  if (activeNodes(state).length > 0) {
    state.nodeWaitSince = null;
    return;
  }
  const isNeeded = state.stages.some(({ kind }) => !isStageDone(kind));
  if (state.nodeWaitSince !== null || !isNeeded) return;
  state.nodeWaitSince = turn.now;
  const at = (turn.now + state.options.nodeWaitMs) as Instant;
  turn.effects.push({ kind: 'arm-timer', timer: { kind: 'node-wait', since: turn.now }, at });
}

/** No worker has come since. */
export function onNodeWaitOver(turn: Turn, { since }: { readonly since: Instant }): void {
  if (turn.state.nodeWaitSince !== since) return;
  const message = 'no worker has come to take the tasks of the query';
  failQuery(turn, { code: 'NO_NODES_AVAILABLE', message });
}
