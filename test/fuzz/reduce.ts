import { smallerTrees, type SqlNode } from './sql-tree.ts';

/**
 * Makes a statement smaller for as long as `stillFails`: greedy, one cut at a time. `budget` bounds how many
 * statements are tried.
 */
export async function reduce(
  tree: SqlNode,
  stillFails: (candidate: SqlNode) => Promise<boolean>,
  budget = 400,
): Promise<SqlNode> {
  let smallest = tree;
  let tried = 0;
  for (let isSmaller = true; isSmaller;) {
    isSmaller = false;
    for (const candidate of smallerTrees(smallest)) {
      if (tried >= budget) return smallest;
      tried += 1;
      if (!(await stillFails(candidate))) continue;
      smallest = candidate;
      isSmaller = true;
      break;
    }
  }
  return smallest;
}
