/** What the cluster's membership says. Nodes are fenced by the run of their process. */
import type { ErrorReport } from '../../common/error.ts';
import type { NodeId, NodeInstanceId } from '../../common/ids.ts';
import { onTasksLost } from './failures.ts';
import type { LostNode, LostTask } from './failures.ts';
import { noteNodeChange } from './node-index.ts';
import { restartLocalityWait } from './placement/locality-wait.ts';
import { retryPlacement } from './placement/placement-policy.ts';
import { isEligible } from './placement/node-labels.ts';
import type { SchedulerNode } from './scheduler-event.ts';
import { spoolsOutputs } from './scheduler-options.ts';
import { findNode } from './scheduler-state.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import { countTask, noteMemory } from './stage-state.ts';
import type { StageState } from './stage-state.ts';
import { endLease } from './lease-state.ts';
import { isEnded, loseTask } from './task-state.ts';
import type { TaskState } from './task-state.ts';
import type { Turn } from './turn.ts';

interface NodeRun {
  readonly nodeId: NodeId;
  readonly nodeInstanceId: NodeInstanceId;
}

/** A node can take tasks: a new one, a new run of one, or one that was draining. */
export function onNodeJoined(turn: Turn, node: SchedulerNode): void {
  const { state } = turn;
  if (!isEligible(node, state.options)) return;
  const known = findNode(state, node.nodeId);
  if (known !== undefined && known.node.nodeInstanceId === node.nodeInstanceId) {
    if (known.isDraining) noteNodeChange(state);
    known.isDraining = false;
  } else {
    if (known !== undefined) onNodeLost(turn, { ...known.node, error: restarted(node) });
    state.nodes.push({ node, isDraining: false, isDistrusted: false, taskCount: 0 });
    noteNodeChange(state);
  }
  for (const stage of state.stages) {
    if (stage.kind !== 'scheduling') continue;
    for (const scan of stage.scans) restartLocalityWait(scan.locality);
    retryPlacement(turn, stage);
  }
}

export function onNodeDraining(turn: Turn, run: NodeRun): void {
  const known = findNode(turn.state, run.nodeId);
  if (known?.node.nodeInstanceId !== run.nodeInstanceId || known.isDraining) return;
  known.isDraining = true;
  noteNodeChange(turn.state);
}

/**
 * The node's tasks are gone. It matters where their rows were still needed; a task that had ended, or was told to
 * cancel, loses nothing.
 */
export function onNodeLost(turn: Turn, lost: LostNode): void {
  const { state } = turn;
  const index = state.nodes.findIndex((each) => isRun(each.node, lost));
  if (index === -1) return;
  state.nodes.splice(index, 1);
  noteNodeChange(state);
  const tasks = state.stages.flatMap((stage) => loseTasks(turn, stage, lost));
  onTasksLost(turn, lost, tasks);
}

/** Those whose rows were needed. What is spooled is not lost. */
function loseTasks({ state }: Turn, stage: StageState, lost: NodeRun): readonly LostTask[] {
  const needed: LostTask[] = [];
  for (const task of [...stage.tasks, ...stage.retired])
    if (isRun(task, lost)) loseMemory(state, stage, task);
  for (const task of stage.tasks) {
    if (!isRun(task, lost)) continue;
    if (!spoolsOutputs(state.options)) task.isReleased = true;
    if (isEnded(task)) continue;
    if (task.stop === 'none') needed.push({ stage, task });
    countTask(stage.taskCounts, task.kind, -1);
    loseTask(task);
    endLease(state, task);
    countTask(stage.taskCounts, task.kind, 1);
  }
  return needed;
}

/** What it had is free, whatever it said last. */
function loseMemory(state: QuerySchedulerState, stage: StageState, task: TaskState): void {
  const without = { ...task.stats, memoryBytes: 0 };
  noteMemory(stage.memory, task.stats, without);
  noteMemory(state.memory, task.stats, without);
  task.stats = without;
}

function isRun(of: NodeRun, run: NodeRun): boolean {
  return of.nodeId === run.nodeId && of.nodeInstanceId === run.nodeInstanceId;
}

function restarted(node: SchedulerNode): ErrorReport {
  return {
    code: 'NODE_LOST',
    message: `worker ${node.nodeId} at ${node.address} was restarted and has lost its tasks`,
    details: { node_id: node.nodeId },
  };
}
