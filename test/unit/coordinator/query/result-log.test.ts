import { describe, expect, it } from 'vitest';
import type { PartitionId, SourceId, StageId } from '../../../../services/common/ids.ts';
import { coordinatorLocation } from '../../../../services/common/system/coordinator-location.ts';
import { NOTHING_READ, ResultLog } from '../../../../services/coordinator/query/result-log.ts';
import type { ResultLocation } from '../../../../services/coordinator/scheduler/scheduler-effect.ts';
import { QUERY_ID } from '../../../support/scheduler-driver.ts';

function inline(attempt: number): ResultLocation {
  const taskId = {
    queryId: QUERY_ID,
    stageId: 0 as StageId,
    partitionId: 0 as PartitionId,
    attempt,
  };
  return { location: coordinatorLocation(taskId, 0 as SourceId), inlinePages: [new Uint8Array(5)] };
}

describe('the log of a result', () => {
  it('tells each watcher once what is new, and the end', () => {
    const log = new ResultLog();
    expect(log.read(NOTHING_READ)).toBeUndefined();
    log.add([inline(0)], false);
    const first = log.read(NOTHING_READ);
    expect(first).toMatchObject({ attempt: 0, commitment: 'committed', noMore: false });
    expect(first?.locations).toHaveLength(1);
    log.add([], true);
    const second = log.read(first ?? NOTHING_READ);
    expect(second).toMatchObject({ locations: [], noMore: true });
    expect(log.read(second ?? NOTHING_READ)).toBeUndefined();
  });

  it('begins anew with another attempt, and tells of its commitment (T9)', () => {
    const log = new ResultLog();
    log.change(0, 'withheld');
    log.add([inline(0)], true);
    const first = log.read(NOTHING_READ) ?? NOTHING_READ;
    expect(first).toMatchObject({ attempt: 0, commitment: 'withheld', noMore: true });
    log.change(1, 'withheld');
    expect(log.inlineBytes).toBe(0);
    const second = log.read(first) ?? NOTHING_READ;
    expect(second).toMatchObject({ attempt: 1, position: 0, noMore: false, locations: [] });
    log.add([inline(1)], true);
    const third = log.read(second) ?? NOTHING_READ;
    expect(third).toMatchObject({ position: 1, noMore: true, commitment: 'withheld' });
    log.change(1, 'committed');
    expect(log.read(third)).toMatchObject({ commitment: 'committed', locations: [] });
    // Somebody who comes now hears of the last attempt only.
    expect(log.read(NOTHING_READ)).toMatchObject({
      attempt: 1,
      locations: [{ location: { taskId: { attempt: 1 } } }],
    });
  });
});
