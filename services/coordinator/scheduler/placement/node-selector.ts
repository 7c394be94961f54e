/** Nodes that may get tasks, and the one for a single task (T32, T27). */
import { nodeIndexOf } from '../node-index.ts';
import { draw, laneCount } from '../scheduler-state.ts';
import type { NodeState, QuerySchedulerState } from '../scheduler-state.ts';
import type { StageState } from '../stage-state.ts';
import { queuedLoad, takesSplits } from '../task-state.ts';
import type { WeightedNode } from './rendezvous.ts';
import type { Lane } from './split-placement.ts';

export function activeNodes(state: QuerySchedulerState): readonly NodeState[] {
  return nodeIndexOf(state).active;
}

/** Active nodes by what they can do; a draining one is nobody's choice. */
export function weightedNodes(state: QuerySchedulerState): readonly WeightedNode[] {
  return activeNodes(state).map(({ node }) => ({
    nodeId: node.nodeId,
    lanes: laneCount(state.options, node),
  }));
}

/** The active node with the fewest tasks of this query, drawn among equals; `undefined` = there is none. */
export function selectNode(state: QuerySchedulerState): NodeState | undefined {
  const active = activeNodes(state);
  const fewest = Math.min(...active.map((node) => node.taskCount));
  const candidates = active.filter((node) => node.taskCount === fewest);
  return candidates.length === 0 ? undefined : candidates[draw(state, candidates.length)];
}

/**
 * Where partition i of hash and arbitrary stages runs (T12, P2). A node that takes no tasks any more gives its partitions to
 * those that have the fewest, for the stages that are still to come; `undefined` = no node takes tasks.
 */
export function hostOfPartition(
  state: QuerySchedulerState,
  partition: number,
): NodeState | undefined {
  const { partitionToNode } = state;
  const active = activeNodes(state);
  const known = active.find(({ node }) => node.nodeId === partitionToNode[partition]);
  if (known !== undefined) return known;
  const counts = active.map(
    ({ node }) => partitionToNode.filter((nodeId) => nodeId === node.nodeId).length,
  );
  const host = active[counts.indexOf(Math.min(...counts))];
  if (host !== undefined) partitionToNode[partition] = host.node.nodeId;
  return host;
}

/** Nodes with lanes on which the stage has no task yet: once per free lane, a lane of every node first. */
export function freeLanes(state: QuerySchedulerState, stage: StageState): readonly NodeState[] {
  const used = new Map<string, number>();
  for (const { nodeId } of stage.tasks) used.set(nodeId, (used.get(nodeId) ?? 0) + 1);
  const active = activeNodes(state);
  const first = active.length === 0 ? 0 : draw(state, active.length);
  const order = [...active.slice(first), ...active.slice(0, first)];
  const free = order.map(
    (node) => laneCount(state.options, node.node) - (used.get(node.node.nodeId) ?? 0),
  );
  const most = Math.max(0, ...free);
  return Array.from({ length: most }, (_, round) =>
    order.filter((_node, index) => (free[index] ?? 0) > round),
  ).flat();
}

export interface SplitCandidates {
  readonly lanes: readonly Lane[];
  /** Where the new lanes are, by position in `lanes`. */
  readonly hosts: ReadonlyMap<number, NodeState>;
  readonly nodeWeights: readonly number[];
}

/**
 * The lanes that may take splits of this stage: its tasks, then (`mayAddTasks`) lanes without one. Tasks on draining
 * nodes only when there is nothing else, so that a query outlives the drain of its whole cluster.
 */
export function splitCandidates(
  state: QuerySchedulerState,
  stage: StageState,
  mayAddTasks: boolean,
): SplitCandidates {
  const position = new Map(state.nodes.map((node, index) => [node.node.nodeId, index]));
  const isActive = (lane: Lane): boolean => state.nodes[lane.node]?.isDraining === false;
  const existing = tasksAsLanes(stage, position);
  const active = existing.filter(isActive);
  const hosts = mayAddTasks ? freeLanes(state, stage) : [];
  const used = active.length + hosts.length === 0 ? existing : active;
  const fresh = hosts.map((host) => newLane(state, position.get(host.node.nodeId) ?? 0));
  return {
    lanes: [...used, ...fresh],
    hosts: new Map(hosts.map((host, index) => [used.length + index, host])),
    nodeWeights: nodeWeights(state, position),
  };
}

/** The tasks of this stage that take splits, as lanes. */
export function taskCandidates(
  state: QuerySchedulerState,
  stage: StageState,
): Pick<SplitCandidates, 'lanes' | 'nodeWeights'> {
  const position = new Map(state.nodes.map((node, index) => [node.node.nodeId, index]));
  return { lanes: tasksAsLanes(stage, position), nodeWeights: nodeWeights(state, position) };
}

function tasksAsLanes(stage: StageState, position: ReadonlyMap<string, number>): readonly Lane[] {
  return stage.tasks.flatMap((task, index) => {
    const node = position.get(task.nodeId);
    if (node === undefined || !takesSplits(task)) return [];
    return {
      node,
      task: index,
      queuedWeight: queuedLoad(task),
      unacknowledgedSplits: task.unacknowledged.length,
      unfinishedSplits: task.assignedSplits - task.stats.splitsCompleted,
      queueLimit: task.queueLimit.weight,
    };
  });
}

function newLane(state: QuerySchedulerState, node: number): Lane {
  const queueLimit = state.options.splitQueueLimits.minTaskWeight;
  return {
    node,
    task: 'new',
    queuedWeight: 0,
    unacknowledgedSplits: 0,
    unfinishedSplits: 0,
    queueLimit,
  };
}

function nodeWeights(
  state: QuerySchedulerState,
  position: ReadonlyMap<string, number>,
): readonly number[] {
  const weights = state.nodes.map(() => 0);
  for (const stage of state.stages) {
    if (stage.scans.length === 0) continue;
    for (const task of stage.tasks) {
      const node = position.get(task.nodeId);
      if (node !== undefined && takesSplits(task))
        weights[node] = (weights[node] ?? 0) + queuedLoad(task);
    }
  }
  return weights;
}
