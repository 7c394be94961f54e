/** How a fragment reads what feeds it: what policies order stages by. */
import { assertNever } from '../../../common/assert.ts';
import type { FragmentId, SourceId } from '../../../common/ids.ts';
import type { InputTree, PlanFragment } from '../../../common/plan/plan-fragment.ts';

/** All inputs, as the fragment uses them up. */
export function inputTreeOf({ inputTree, scans, remoteSources }: PlanFragment): InputTree {
  if (inputTree !== undefined) return inputTree;
  const inputs = [...scans, ...remoteSources].map(({ sourceId }): InputTree => ({
    kind: 'source',
    sourceId,
  }));
  return { kind: 'together', inputs };
}

/** The fragments whose rows the source has, in order; none for a scan. */
export function producersOfSource(
  fragment: PlanFragment,
  sourceId: SourceId,
): readonly FragmentId[] {
  const source = fragment.remoteSources.find((each) => each.sourceId === sourceId);
  return source?.producers ?? [];
}

export function sourcesOf(tree: InputTree): readonly SourceId[] {
  switch (tree.kind) {
    case 'source':
      return [tree.sourceId];
    case 'join':
      return [...sourcesOf(tree.probe), ...sourcesOf(tree.build)];
    case 'aggregate':
      return sourcesOf(tree.input);
    case 'together':
      return tree.inputs.flatMap(sourcesOf);
    default:
      return assertNever(tree);
  }
}
