/** Nodes for the stages whose number of tasks is fixed (T12, T32, P2). */
import { assert } from '../../../common/assert.ts';
import type { NodeId } from '../../../common/ids.ts';

export interface NodeCapacity {
  readonly nodeId: NodeId;
  /** Tasks of one stage that it runs at a time. */
  readonly lanes: number;
}

/**
 * Partition → node, shared by all hash and arbitrary stages of a query, so that both sides of a join meet. Nodes come
 * in a drawn order and are dealt one partition a round while they have a free lane; partitions beyond the last lane
 * go round all nodes. `partitionCount` 0 = one partition a lane.
 */
export function createNodePartitionMap(
  nodes: readonly NodeCapacity[],
  partitionCount: number,
  drawBelow: (bound: number) => number,
): readonly NodeId[] {
  if (nodes.length === 0) return [];
  const order = shuffled(nodes, drawBelow);
  const most = Math.max(...order.map((node) => node.lanes));
  const rounds = Array.from({ length: most }, (_, round) =>
    order.filter((node) => node.lanes > round),
  );
  const dealt = rounds.flat().map((node) => node.nodeId);
  const count = partitionCount === 0 ? dealt.length : partitionCount;
  return Array.from({ length: count }, (_, partition) => {
    const beyond = order[(partition - dealt.length) % order.length]?.nodeId;
    const nodeId = dealt[partition] ?? beyond;
    assert(nodeId !== undefined, 'every partition has a node');
    return nodeId;
  });
}

function shuffled<T>(items: readonly T[], drawBelow: (bound: number) => number): readonly T[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = drawBelow(last + 1);
    [order[last], order[other]] = [order[other] as T, order[last] as T];
  }
  return order;
}
