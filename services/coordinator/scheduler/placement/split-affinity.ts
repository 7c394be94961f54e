/**
 * Where the rows of a file may be in memory still (§6.2, affinity): the splits of a file return to the two nodes that its
 * path belongs to, query after query. Nothing has to be remembered for that, and a node that joins or leaves moves few files.
 */
import type { FileSplit } from '../../../common/plan/split.ts';
import { rankNodes } from './rendezvous.ts';
import type { WeightedNode } from './rendezvous.ts';

/** The second one spreads a file that everybody reads, and stands in for the first. */
const HOSTS_PER_FILE = 2;

/** Positions in a list of nodes, best first. */
export type PreferredNodes = (split: FileSplit) => readonly number[];

const NOBODY: readonly number[] = [];
export const NO_PREFERENCE: PreferredNodes = () => NOBODY;

export function preferByFile(nodes: readonly WeightedNode[]): PreferredNodes {
  const byPath = new Map<string, readonly number[]>();
  return ({ path }) => {
    let preferred = byPath.get(path);
    if (preferred === undefined) {
      preferred = rankNodes(path, nodes).slice(0, HOSTS_PER_FILE);
      byPath.set(path, preferred);
    }
    return preferred;
  };
}
