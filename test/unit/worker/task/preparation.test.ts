import { describe, expect, it } from 'vitest';
import type { PartitionId, QueryId, StageId, TaskId } from '../../../../services/common/ids.ts';
import { preparationOf } from '../../../../services/worker/task/preparation.ts';
import { aFragment } from '../../../support/plan-builders.ts';

const task = (changes: Partial<TaskId> = {}): TaskId => ({
  queryId: '20260315_142501_00042_k7f3a' as QueryId,
  stageId: 2 as StageId,
  partitionId: 0 as PartitionId,
  attempt: 0,
  ...changes,
});

const seeded = aFragment(0, { threads: 'one' });
const seed = (taskId: TaskId, runNumber = 0): string =>
  preparationOf(seeded, taskId, runNumber).join();

describe('the preparation of a task', () => {
  it('seeds by query, stage and partition, so that another attempt repeats', () => {
    expect(seed(task({ attempt: 3 }))).toBe(seed(task()));
    const others = [
      task({ partitionId: 1 as PartitionId }),
      task({ stageId: 3 as StageId }),
      task({ queryId: '20260315_142501_00043_k7f3a' as QueryId }),
    ];
    expect(new Set([task(), ...others].map((id) => seed(id))).size).toBe(4);
  });

  it('does not begin again with the same numbers when the task gets a slot again', () => {
    expect(seed(task(), 1)).not.toBe(seed(task()));
  });

  it('gives a seed that DuckDB takes, from -1 to 1', () => {
    for (let stage = 0; stage < 1000; stage += 1) {
      const [, text = ''] =
        /^SELECT setseed\((.*)\)$/.exec(seed(task({ stageId: stage as StageId }))) ?? [];
      expect(Math.abs(Number(text))).toBeLessThanOrEqual(1);
      expect(text).not.toBe('');
    }
  });

  it('leaves other fragments as they are', () => {
    const preparation = ['SET VARIABLE a = 1'];
    expect(preparationOf(aFragment(0, { preparation }), task(), 0)).toEqual(preparation);
    const all = preparationOf({ ...seeded, preparation }, task(), 0);
    expect(all).toEqual([...preparation, seed(task())]);
  });
});
