/** What a task's connection is told before its fragment's first statement. */
import type { TaskId } from '../../common/ids.ts';
import type { PlanFragment } from '../../common/plan/plan-fragment.ts';
import { hashText } from '../../common/hash-text.ts';

/**
 * `runNumber`: how often the task has had a slot before: its batches must not begin with the same numbers again. The
 * attempt does not count, so that another one repeats them.
 */
export function preparationOf(
  { threads, preparation = [] }: PlanFragment,
  { queryId, stageId, partitionId }: TaskId,
  runNumber: number,
): readonly string[] {
  if (threads !== 'one') return preparation;
  const seed = hashText(`${queryId}.${stageId}.${partitionId}.${runNumber}`);
  return [...preparation, `SELECT setseed(${seed / 2 ** 31 - 1})`];
}
