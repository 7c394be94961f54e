/** Stages over one scan whose tasks each read a share of it in one statement, in place of its splits as they come. */
import { originalOf, type LogicalPlan } from '../logical/logical-plan.ts';
import { walkPlan } from '../logical/plan-children.ts';
import { hasFewGroups } from './estimate.ts';
import { type PhysicalPlan, type Stage } from './physical-plan.ts';
import { type DistributionOptions } from './placer.ts';
import { shareLayout } from './share-layout.ts';

/**
 * Compressed bytes of a task's share. Above it, tasks that take split after split finish together whatever the speed of
 * their machines; below it, a statement for each batch of splits, with its own hash tables and groups, costs more than
 * that is worth.
 */
const MAX_SHARE_BYTES = 64 * 1024 * 1024;

/** But not where rows go straight to the client, or may be enough before the end: those begin with a small batch. */
export function withShares(plan: PhysicalPlan, options: DistributionOptions): PhysicalPlan {
  const root = plan.stages.length - 1;
  return {
    stages: plan.stages.map((stage, index) =>
      index === root || stage.partitioning !== 'source' ? stage : inShares(stage, options),
    ),
  };
}

function inShares(stage: Stage, { replicated, taskCount }: DistributionOptions): Stage {
  const { body, rowLimit } = stage;
  const [scan] = [...walkPlan(body)].filter((node) => node.kind === 'scan');
  const statistics = scan && replicated.get(originalOf(scan));
  if (scan === undefined || statistics === undefined) return stage;
  if (rowLimit !== undefined || mayStopAggregating(body)) return stage;
  const bytes = statistics.rowGroups.reduce((sum, group) => sum + group.bytes, 0);
  const layout = shareLayout(scan, statistics, taskCount);
  if (layout === undefined || bytes > MAX_SHARE_BYTES * layout.partitionCount) return stage;
  return { ...stage, partitioning: 'layout', layout };
}

/** A task may find after some batches that aggregating leaves nearly every row, and send the others as they are. */
function mayStopAggregating(body: LogicalPlan): boolean {
  const isGrouped =
    body.kind === 'distinct' || (body.kind === 'aggregate' && body.groups.length > 0);
  return isGrouped && !hasFewGroups(body, body.child);
}
