/**
 * Which partition of its stage reads a split (F25). Plain JSON-safe data; the kinds' own rules are in their files.
 *
 *   createSplitAssigner ─▶ openSplitAssigner, once ─▶ assignSplits, for every batch of every source
 */
import { assertNever } from '../../../common/assert.ts';
import type { NodeId } from '../../../common/ids.ts';
import type { PlanFragment } from '../../../common/plan/plan-fragment.ts';
import { assignArbitrary, createArbitrary, openArbitrary } from './arbitrary-split-assigner.ts';
import type { ArbitrarySplitAssigner } from './arbitrary-split-assigner.ts';
import type { TaskSizing } from './fault-tolerant-options.ts';
import { planHashPartitions } from './hash-partition-plan.ts';
import type { SourceEstimate } from './hash-partition-plan.ts';
import { assignHash, createHash, openHash } from './hash-split-assigner.ts';
import type { HashSplitAssigner } from './hash-split-assigner.ts';
import { assignSingle, openSingle } from './single-split-assigner.ts';
import type { SingleSplitAssigner } from './single-split-assigner.ts';
import { openAll } from './split-assignment.ts';
import type { AssignedSource, AssignmentResult, SplitBatch } from './split-assignment.ts';

export type SplitAssigner = SingleSplitAssigner | ArbitrarySplitAssigner | HashSplitAssigner;

export interface SplitAssignerSetup {
  readonly fragment: PlanFragment;
  readonly sizing: TaskSizing;
  /** Hash buffers that producers make for the stage: the partitions of its hashed sources. */
  readonly partitionCount: number;
  /** Sizes of the hashed sources, as far as known: without all of them partitions are neither merged nor divided. */
  readonly estimates: readonly SourceEstimate[];
  readonly nodeCount: number;
  /** The node of each partition, where the query has a map of them (T12). Absent = any node. */
  readonly partitionToNode?: readonly NodeId[];
}

export function createSplitAssigner(setup: SplitAssignerSetup): SplitAssigner {
  const { fragment, sizing } = setup;
  const sources = openAll(sourcesOf(fragment));
  const { partitioning } = fragment;
  switch (partitioning.kind) {
    case 'single':
      return { ...sources, kind: 'single' };
    case 'source':
    case 'arbitrary':
    case 'scaled-writer':
      return createArbitrary(sources, sizing);
    case 'hash':
      return createHash(sources, planOf(setup, setup.partitionCount), setup.partitionToNode ?? []);
    case 'fixed-source':
      return createHash(sources, planOf(setup, partitioning.partitionCount), []);
    default:
      return assertNever(partitioning);
  }
}

/** The partitions that are there whatever comes. */
export function openSplitAssigner(assigner: SplitAssigner): AssignmentResult {
  switch (assigner.kind) {
    case 'single':
      return openSingle(assigner);
    case 'arbitrary':
      return openArbitrary(assigner);
    case 'hash':
      return openHash(assigner);
    default:
      return assertNever(assigner);
  }
}

/** Deals a batch. When the last source has ended, every partition is sealed and there is at least one. */
export function assignSplits(assigner: SplitAssigner, batch: SplitBatch): AssignmentResult {
  switch (assigner.kind) {
    case 'single':
      return assignSingle(assigner, batch);
    case 'arbitrary':
      return assignArbitrary(assigner, batch);
    case 'hash':
      return assignHash(assigner, batch);
    default:
      return assertNever(assigner);
  }
}

function sourcesOf(fragment: PlanFragment): readonly AssignedSource[] {
  const scans = fragment.scans.map(({ sourceId }) => ({ sourceId, isReplicated: false }));
  const remote = fragment.remoteSources.map(({ sourceId, delivery }) => ({
    sourceId,
    isReplicated: delivery === 'broadcast',
  }));
  return [...scans, ...remote];
}

/**
 * No source of a fragment of SQL may be divided: nothing says that its operators would answer alike. A map of nodes and
 * partitions of files are as they are.
 */
function planOf(
  setup: SplitAssignerSetup,
  partitionCount: number,
): ReturnType<typeof planHashPartitions> {
  const { fragment, estimates, nodeCount, sizing } = setup;
  const isFixed =
    fragment.partitioning.kind === 'fixed-source' || setup.partitionToNode !== undefined;
  const hashedSources = sourcesOf(fragment).flatMap((source) =>
    source.isReplicated ? [] : [source.sourceId],
  );
  return planHashPartitions(
    {
      partitionCount,
      hashedSources,
      estimates: isFixed ? [] : estimates,
      divisibleSources: [],
      mayMerge: true,
      nodeCount,
    },
    sizing,
  );
}
