/** What people see of a query that has finished: each split of its scans counted once, however often it was read (R20). */
import type { StageDescription } from '../../../services/coordinator/scheduler/query-description.ts';
import type { Workload } from '../workload.ts';
import type { Violations } from './checker.ts';

export function checkStatistics(
  { fragments, splits, endsEarly }: Workload,
  stages: readonly StageDescription[],
): Violations {
  if (endsEarly) return [];
  return fragments.flatMap(({ id, scans }) => {
    // Dynamic filters keep splits from being read, and what has none reads an empty one.
    if (scans.some(({ filteredColumns }) => filteredColumns !== undefined)) return [];
    const counts = scans.map(({ sourceId }) => splits.get(sourceId)?.length ?? 0);
    if (counts.length === 0 || counts.includes(0)) return [];
    const there = counts.reduce((sum, count) => sum + count, 0);
    const shown = stages.find(({ stageId }) => stageId === id)?.stats.splitsCompleted ?? 0;
    return there === shown
      ? []
      : [`statistics: stage ${id} shows ${shown} of ${there} splits (R20)`];
  });
}
