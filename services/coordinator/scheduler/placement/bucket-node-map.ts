/**
 * Bucket → node for tables that lie apart by a key (T28, P2), by rendezvous hashing: a bucket is read where it was read
 * before, by this query and by others, and no node gets more than its share.
 */
import { assert } from '../../../common/assert.ts';
import type { NodeId } from '../../../common/ids.ts';
import { rankNodes } from './rendezvous.ts';
import type { WeightedNode } from './rendezvous.ts';

/** `key`: the same for all scans of the same buckets, whoever reads them. Empty when there is no node. */
export function mapBuckets(
  bucketCount: number,
  key: string,
  nodes: readonly WeightedNode[],
): readonly NodeId[] {
  if (nodes.length === 0) return [];
  const rooms = sharesOf(bucketCount, nodes);
  return Array.from({ length: bucketCount }, (_, bucket) => {
    const position = rankNodes(`${key}#${bucket}`, nodes).find((each) => (rooms[each] ?? 0) > 0);
    const node = nodes[position ?? -1];
    assert(position !== undefined && node !== undefined, 'the shares add up to all buckets');
    rooms[position] = (rooms[position] ?? 0) - 1;
    return node.nodeId;
  });
}

/** How many buckets each node takes: by its lanes, rounded up. */
function sharesOf(bucketCount: number, nodes: readonly WeightedNode[]): number[] {
  const lanes = nodes.reduce((sum, node) => sum + node.lanes, 0);
  return nodes.map((node) => Math.ceil((bucketCount * node.lanes) / lanes));
}
