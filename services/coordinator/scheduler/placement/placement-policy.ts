/** How the splits of a scan are dealt, as the query's options say (T27): evenly, by file, or by location with patience. */
import { laneCount } from '../scheduler-state.ts';
import type { QuerySchedulerState } from '../scheduler-state.ts';
import type { ScanState, StageState } from '../stage-state.ts';
import type { Turn } from '../turn.ts';
import { allowedDepth, noteRound } from './locality-wait.ts';
import type { SplitCandidates } from './node-selector.ts';
import { NO_PREFERENCE, preferByFile } from './split-affinity.ts';
import type { PreferredNodes } from './split-affinity.ts';
import { placeSplits } from './split-placement.ts';
import type { SplitPlacement } from './split-placement.ts';
import { depthsOf, placeByTopology } from './topology-placement.ts';

/**
 * Deals what is pending. `isLimited`: tasks drain their queues as they go; those that do not must get all of their splits, so
 * nothing waits for a place near its data.
 */
export function placeScan(
  turn: Turn,
  scan: ScanState,
  { candidates, isLimited }: { readonly candidates: SplitCandidates; readonly isLimited: boolean },
): SplitPlacement {
  const { state } = turn;
  const { options } = state;
  const input = {
    splits: scan.pending,
    lanes: candidates.lanes,
    nodeWeights: candidates.nodeWeights,
    limits: options.splitQueueLimits,
    isLimited,
    prefers: preferencesOf(state),
    standardSplitBytes: options.standardSplitBytes,
  };
  if (options.splitPlacement === 'uniform' || !isLimited) return placeSplits(input);
  const locations = state.nodes.map(({ node }) => node.location ?? []);
  const clock = { now: turn.now, waitMs: options.localityWaitMs };
  const depths = depthsOf({ ...input, locations });
  const minDepth = allowedDepth(scan.locality, depths, clock);
  const placement = placeByTopology({ ...input, locations }, minDepth);
  const at = noteRound(scan.locality, placement.heldCount, clock);
  if (at !== undefined) {
    const timer = { kind: 'locality-wait', sourceId: scan.sourceId } as const;
    turn.effects.push({ kind: 'arm-timer', timer, at });
  }
  return placement;
}

/** Splits that wait may find room now: the stage is scheduled again. */
export function retryPlacement(turn: Turn, stage: StageState): void {
  stage.isPlacementBlocked = false;
  for (const { locality } of stage.scans) locality.isHeld = false;
  turn.touched.add(stage);
}

/** A draining node is nobody's first choice. */
function preferencesOf(state: QuerySchedulerState): PreferredNodes {
  const { options } = state;
  if (options.splitPlacement === 'uniform' && options.splitAffinity === 'none')
    return NO_PREFERENCE;
  return preferByFile(
    state.nodes.map(({ node, isDraining }) => ({
      nodeId: node.nodeId,
      lanes: isDraining ? 0 : laneCount(options, node),
    })),
  );
}
