import { describe, expect, it } from 'vitest';
import type { Instant, NodeId, PartitionId, StageId } from '../../../../../services/common/ids.ts';
import { DEFAULT_EXCLUSION } from '../../../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import {
  isExcluded,
  isFullyExcluded,
  noteFailure,
  proveFailures,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/node-exclusion.ts';
import type {
  FailureRecord,
  Place,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/node-exclusion.ts';

const OPTIONS = { ...DEFAULT_EXCLUSION, isEnabled: true };
const HOUR = 3_600_000;

/** Nodes a1, a2 … are on host a. */
const place = (node: string): Place => ({ nodeId: node as NodeId, host: node.slice(0, 1) });
const partition = (stage: number, index: number) => ({
  stageId: stage as StageId,
  partitionId: index as PartitionId,
});

/** `stage.partition@node`, all at the instant 0. */
function recordOf(...failures: readonly string[]): FailureRecord {
  const record: FailureRecord = [];
  for (const failure of failures) {
    const [, stage, index, node = ''] = /(\d+)\.(\d+)@(\w+)/.exec(failure) ?? [];
    noteFailure(record, {
      ...partition(Number(stage), Number(index)),
      ...place(node),
      failedAt: 0 as Instant,
    });
  }
  return record;
}

function excluded(
  record: FailureRecord,
  [stage, index]: readonly [number, number],
  now = 0,
): readonly string[] {
  return ['a1', 'a2', 'a3', 'b1'].filter((node) =>
    isExcluded(
      record,
      { ...partition(stage, index), place: place(node), now: now as Instant },
      OPTIONS,
    ),
  );
}

describe('exclusion after failures (S17)', () => {
  it('keeps a partition from a node after one failure, from a host after two', () => {
    expect(excluded(recordOf('1.0@a1'), [1, 0])).toEqual(['a1']);
    expect(excluded(recordOf('1.0@a1', '1.0@a2'), [1, 0])).toEqual(['a1', 'a2', 'a3']);
    expect(excluded(recordOf('1.0@a1'), [1, 1])).toEqual([]);
  });

  it('keeps a stage from a node where two of its partitions failed', () => {
    const record = recordOf('1.0@a1', '1.1@a1');
    expect(excluded(record, [1, 7])).toEqual(['a1']);
    expect(excluded(record, [2, 7])).toEqual([]);
    expect(excluded(recordOf('1.0@a1', '1.0@a1'), [1, 7])).toEqual([]);
  });

  it('keeps a stage from a host of which two nodes are excluded', () => {
    const record = recordOf('1.0@a1', '1.1@a1', '1.2@a2', '1.3@a2');
    expect(excluded(record, [1, 7])).toEqual(['a1', 'a2', 'a3']);
  });

  it('keeps a query from a node only when the stages went well elsewhere, for an hour', () => {
    const record = recordOf('1.0@a1', '2.0@a1');
    expect(excluded(record, [3, 0])).toEqual([]);
    proveFailures(record, 1 as StageId);
    expect(excluded(record, [3, 0])).toEqual([]);
    proveFailures(record, 2 as StageId);
    expect(excluded(record, [3, 0], HOUR - 1)).toEqual(['a1']);
    expect(excluded(record, [3, 0], HOUR)).toEqual([]);
    expect(excluded(record, [1, 0], HOUR)).toEqual(['a1']);
  });

  it('sees that a partition can run nowhere', () => {
    const record = recordOf('1.0@a1', '1.0@b1');
    const cluster = (...nodes: readonly string[]) => ({
      places: nodes.map(place),
      now: 0 as Instant,
      options: OPTIONS,
    });
    expect(isFullyExcluded(record, partition(1, 0), cluster('a1', 'b1'))).toBe(true);
    expect(isFullyExcluded(record, partition(1, 0), cluster('a1', 'b1', 'a2'))).toBe(false);
    expect(isFullyExcluded(record, partition(1, 0), cluster())).toBe(false);
  });

  it('is off by default', () => {
    const question = { ...partition(1, 0), place: place('a1'), now: 0 as Instant };
    expect(isExcluded(recordOf('1.0@a1'), question, DEFAULT_EXCLUSION)).toBe(false);
  });
});
