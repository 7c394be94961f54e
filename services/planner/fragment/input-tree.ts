/** In which order a stage uses its inputs up: what the scheduler's execution policies start stages by (scheduling.md §5). */
import { type SourceId } from '../../common/ids.ts';
import { type InputTree } from '../../common/plan/plan-fragment.ts';
import { type Stage } from '../distribution/physical-plan.ts';
import { type LogicalPlan } from '../logical/logical-plan.ts';
import { childrenOf } from '../logical/plan-children.ts';

/** Joins build on their right side and probe with their left; undefined for a stage without inputs. */
export function inputTreeOf({ body, partitioning }: Stage): InputTree | undefined {
  // Where tasks follow splits, aggregation is partial: what it makes of a batch leaves with the batch.
  return treeOf(body, partitioning !== 'source');
}

function treeOf(plan: LogicalPlan, isWhole: boolean): InputTree | undefined {
  switch (plan.kind) {
    case 'scan':
    case 'system-scan':
      return { kind: 'source', sourceId: plan.scanId as SourceId };
    case 'remote':
      return { kind: 'source', sourceId: plan.remoteId as SourceId };
    case 'aggregate':
    case 'distinct': {
      const input = treeOf(plan.child, isWhole);
      return input === undefined || !isWhole ? input : { kind: 'aggregate', input };
    }
    case 'join':
    case 'any-join':
    case 'cross-product': {
      const probe = treeOf(plan.left, isWhole);
      const build = treeOf(plan.right, isWhole);
      if (probe === undefined || build === undefined) return probe ?? build;
      return { kind: 'join', probe, build };
    }
    default:
      return togetherOf(childrenOf(plan).flatMap((child) => treeOf(child, isWhole) ?? []));
  }
}

function togetherOf(inputs: readonly InputTree[]): InputTree | undefined {
  return inputs.length > 1 ? { kind: 'together', inputs } : inputs[0];
}
