/**
 * Which nodes a key belongs to, by rendezvous hashing: whoever asks gets the same order of the same nodes, and a node that
 * comes or goes moves only the keys that are its own. A node counts once for each of its lanes, so that bigger ones get more.
 */
import type { NodeId } from '../../../common/ids.ts';

export interface WeightedNode {
  readonly nodeId: NodeId;
  readonly lanes: number;
}

/** Positions in `nodes`, the key's own node first. */
export function rankNodes(key: string, nodes: readonly WeightedNode[]): readonly number[] {
  const keyHash = hashText(key);
  const scores = nodes.map(({ nodeId, lanes }) => scoreOf(keyHash, hashText(nodeId), lanes));
  return nodes
    .map((_, position) => position)
    .sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || compareIds(nodes[a], nodes[b]));
}

/** The best of one draw for each lane. */
function scoreOf(keyHash: number, nodeHash: number, lanes: number): number {
  let best = -1;
  for (let lane = 0; lane < lanes; lane += 1) {
    const drawn = mix(mix(keyHash ^ nodeHash) ^ Math.imul(lane + 1, 0x9e3779b9));
    if (drawn > best) best = drawn;
  }
  return best;
}

/** Among equal scores, so that the order of the list does not matter. */
function compareIds(a: WeightedNode | undefined, b: WeightedNode | undefined): number {
  if (a === undefined || b === undefined || a.nodeId === b.nodeId) return 0;
  return a.nodeId < b.nodeId ? -1 : 1;
}

/** FNV-1a over UTF-16 units, mixed: no change of one character leaves the hash near. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return mix(hash);
}

/** The finalizer of MurmurHash3; 32 bits, never negative. */
function mix(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
