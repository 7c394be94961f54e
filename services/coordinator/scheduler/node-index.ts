/**
 * What every turn asks of the nodes, worked out once for each change of them and not once for each question: a turn must not
 * cost as much as the cluster has nodes. Derived from the state alone, so that one that was restored answers alike.
 */
import type { NodeId } from '../../common/ids.ts';
import type { NodeState, QuerySchedulerState } from './scheduler-state.ts';

interface NodeIndex {
  readonly version: number;
  readonly byId: ReadonlyMap<NodeId, NodeState>;
  readonly active: readonly NodeState[];
  readonly largestBytes: number;
}

const indexes = new WeakMap<QuerySchedulerState, NodeIndex>();

/** To be called by whoever adds or removes a node, or changes whether it takes tasks. */
export function noteNodeChange(state: QuerySchedulerState): void {
  state.nodesVersion += 1;
}

export function nodeIndexOf(state: QuerySchedulerState): NodeIndex {
  const known = indexes.get(state);
  if (known?.version === state.nodesVersion) return known;
  const index = {
    version: state.nodesVersion,
    byId: new Map(state.nodes.map((each) => [each.node.nodeId, each])),
    active: state.nodes.filter(({ isDraining, isDistrusted }) => !isDraining && !isDistrusted),
    largestBytes: largestBytesOf(state.nodes),
  };
  indexes.set(state, index);
  return index;
}

/** Without bound where nobody says. */
function largestBytesOf(nodes: readonly NodeState[]): number {
  let largest = -1;
  for (const { node } of nodes)
    largest = Math.max(largest, node.memoryBytes ?? Number.MAX_SAFE_INTEGER);
  return largest === -1 ? Number.MAX_SAFE_INTEGER : largest;
}
