/** What the scheduler relies on in a plan, checked before anything is ordered. */
import type {
  FragmentOutput,
  PlanFragment,
  RemoteSource,
} from '../../common/plan/plan-fragment.ts';

/** The reading side of each way to deal rows. */
const DELIVERY_OF_SCHEME: Record<
  FragmentOutput['scheme']['kind'],
  RemoteSource['delivery'] | undefined
> = {
  single: 'gather',
  hash: 'partitioned',
  broadcast: 'broadcast',
  arbitrary: 'arbitrary',
  discard: undefined,
};

/** What is wrong with the plan, or `undefined`. */
export function findPlanProblem(fragments: readonly PlanFragment[]): string | undefined {
  const root = fragments.at(-1);
  if (root === undefined) return 'the plan has no fragments';
  const earlier = new Map<number, PlanFragment>();
  for (const fragment of fragments) {
    if (earlier.has(fragment.id)) return `fragment ${fragment.id} appears twice`;
    const problem =
      findInputProblem(fragment, earlier) ??
      findOutputProblem(fragment, fragments, fragment === root);
    if (problem !== undefined) return `fragment ${fragment.id}: ${problem}`;
    earlier.set(fragment.id, fragment);
  }
  return findDuplicateSource(fragments);
}

function findInputProblem(
  fragment: PlanFragment,
  earlier: ReadonlyMap<number, PlanFragment>,
): string | undefined {
  const { partitioning, scans, remoteSources } = fragment;
  const readsOthers = ['hash', 'arbitrary', 'scaled-writer'].includes(partitioning.kind);
  if (readsOthers && scans.length > 0) return `a ${partitioning.kind} fragment has no scans`;
  if (partitioning.kind === 'scaled-writer') {
    const isShared = remoteSources.every(({ delivery }) => delivery === 'arbitrary');
    if (!isShared || remoteSources.length === 0) return 'writers share the pages that they write';
  }
  if (partitioning.kind === 'fixed-source') {
    const { partitionCount } = partitioning;
    if (partitionCount < 1 || scans.length === 0) return 'partitions of scans need both';
    const isPartitioned = scans.every(
      ({ partitioning: rows }) => rows === undefined || rows.predicates.length === partitionCount,
    );
    if (!isPartitioned) return `not every scan has ${partitionCount} partitions`;
    if (fragment.inputMode !== 'complete') return 'a task needs all splits of its partition';
  }
  if (partitioning.kind === 'source') {
    const isThere = scans.some((scan) => scan.sourceId === partitioning.sourceId);
    if (!isThere) return `its scan ${partitioning.sourceId} is missing`;
  }
  for (const source of remoteSources) {
    const isServed = source.systemTable !== undefined;
    if (isServed === source.producers.length > 0) {
      return `source ${source.sourceId} has ${isServed ? 'producers beside the coordinator' : 'no producers'}`;
    }
    if (isServed && source.delivery !== 'gather') return 'rows of the coordinator are gathered';
    if (source.delivery === 'gather' && partitioning.kind !== 'single')
      return 'only a single fragment gathers';
    if (source.delivery === 'partitioned' && partitioning.kind !== 'hash')
      return 'only a hash fragment reads partitions';
    for (const id of source.producers) {
      const feeds = earlier.get(id)?.outputs.some((output) => isOutputTo(output, fragment, source));
      if (feeds !== true)
        return `fragment ${id} does not feed source ${source.sourceId} with ${source.delivery} rows`;
    }
  }
  return undefined;
}

function isOutputTo(output: FragmentOutput, fragment: PlanFragment, source: RemoteSource): boolean {
  const { consumer, scheme } = output;
  return (
    consumer.kind === 'fragment' &&
    consumer.fragmentId === fragment.id &&
    consumer.sourceId === source.sourceId &&
    DELIVERY_OF_SCHEME[scheme.kind] === source.delivery
  );
}

function findOutputProblem(
  fragment: PlanFragment,
  fragments: readonly PlanFragment[],
  isRoot: boolean,
): string | undefined {
  const clientOutputs = fragment.outputs.filter((output) => output.consumer.kind === 'client');
  if (clientOutputs.length !== (isRoot ? 1 : 0))
    return 'only the root feeds the client, and it alone';
  if (clientOutputs.some(({ scheme }) => scheme.kind !== 'single' && scheme.kind !== 'discard'))
    return 'the client reads one buffer';
  if (isRoot && fragment.outputs.length !== 1) return 'the root feeds the client only';
  for (const { consumer } of fragment.outputs) {
    if (consumer.kind === 'client') continue;
    const reader = fragments.find((each) => each.id === consumer.fragmentId);
    const source = reader?.remoteSources.find((each) => each.sourceId === consumer.sourceId);
    if (source?.producers.includes(fragment.id) !== true) {
      return `nobody reads its output to fragment ${consumer.fragmentId}`;
    }
  }
  return undefined;
}

function findDuplicateSource(fragments: readonly PlanFragment[]): string | undefined {
  const seen = new Set<number>();
  for (const { sourceId } of fragments.flatMap((each) => [...each.scans, ...each.remoteSources])) {
    if (seen.has(sourceId)) return `source ${sourceId} appears twice`;
    seen.add(sourceId);
  }
  return undefined;
}
