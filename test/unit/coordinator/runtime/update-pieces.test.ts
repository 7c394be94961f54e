import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Task } from '../../../../proto/gen/skein/internal/v1/task.ts';
import { MAX_BLOOM_BITS } from '../../../../services/common/dynamic-filter/bloom-filter.ts';
import type { FilterId, SourceId } from '../../../../services/common/ids.ts';
import type { Split, SplitAssignment } from '../../../../services/common/plan/split.ts';
import { taskUpdateToWire } from '../../../../services/common/rpc/task-wire.ts';
import type { TaskUpdate } from '../../../../services/common/task/task-status.ts';
import { updatePieces } from '../../../../services/coordinator/runtime/update-pieces.ts';
import { taskUpdateArbitrary } from '../../../support/plan-arbitraries.ts';

const SCAN = 7 as SourceId;

/** What a source was told, put together. */
function told(updates: readonly TaskUpdate[], index: number): readonly SplitAssignment[] {
  return updates.flatMap(({ splitAssignments }) => splitAssignments[index] ?? []);
}

function wireBytes(update: TaskUpdate): number {
  return Task.encode(taskUpdateToWire(update)).finish().length;
}

function fileSplits(count: number, path: string): readonly Split[] {
  return Array.from({ length: count }, (_, sequenceId) => ({
    sequenceId,
    weight: 100,
    input: {
      kind: 'file',
      path,
      sizeBytes: 2 ** 52,
      modifiedAtMs: 0.5,
      firstRow: 2 ** 52,
      rowCount: 2 ** 52,
      bytes: 2 ** 52,
    },
  }));
}

const [base] = fc.sample(taskUpdateArbitrary, { numRuns: 1, seed: 1 });

describe('updatePieces (T35)', () => {
  it('tells the same, in order; a source ends with its last split', () => {
    const cut = fc.tuple(taskUpdateArbitrary, fc.integer({ min: 1, max: 2_000 }));
    fc.assert(
      fc.property(cut, ([update, maxSplitBytes]) => {
        const assignments = update.splitAssignments.map((each, index) => ({
          ...each,
          sourceId: index as SourceId,
        }));
        const pieces = updatePieces({ ...update, splitAssignments: assignments }, maxSplitBytes);
        const all = pieces.flatMap((piece) => piece.splitAssignments);
        for (const { sourceId, splits, noMoreSplits } of assignments) {
          const parts = all.filter((part) => part.sourceId === sourceId);
          expect(parts.flatMap((part) => part.splits)).toEqual(splits);
          expect(parts.map((part) => part.noMoreSplits)).toEqual(
            parts.map((_, index) => index === parts.length - 1 && noMoreSplits),
          );
        }
        const [first, ...others] = pieces;
        expect({ ...first, splitAssignments: [] }).toEqual({ ...update, splitAssignments: [] });
        const {
          fragment: _f,
          share: _h,
          dynamicFilters: _d,
          splitAssignments: _s,
          ...terms
        } = update;
        for (const { splitAssignments: _, ...other } of others) {
          expect(other).toEqual({ ...terms, outputBuffers: [] });
        }
      }),
    );
  });

  it('keeps every message small, however many bloom filters there are', () => {
    if (base === undefined) throw new Error('no sample');
    const bloom = Array.from({ length: MAX_BLOOM_BITS / 32 }, () => -1);
    const dynamicFilters = Array.from({ length: 5 }, (_, id) => {
      return { filterId: id as FilterId, version: 1, domain: { kind: 'some', bloom } as const };
    });
    const pieces = updatePieces({ ...base, dynamicFilters });
    expect(pieces.map((piece) => piece.dynamicFilters?.length)).toEqual([2, 2, 1]);
    expect(pieces.flatMap((piece) => piece.dynamicFilters ?? [])).toEqual(dynamicFilters);
  });

  it('keeps every message small, however long the paths are', () => {
    if (base === undefined) throw new Error('no sample');
    const splits = fileSplits(3_000, '界'.repeat(4_000));
    const assignment = { sourceId: SCAN, splits, noMoreSplits: true };
    const pieces = updatePieces({ ...base, splitAssignments: [assignment] });
    expect(told(pieces, 0).flatMap((part) => part.splits)).toHaveLength(3_000);
    expect(Math.max(...pieces.map(wireBytes))).toBeLessThan(2 * 1024 * 1024);
  });

  it('leaves an update in one piece that fits', () => {
    if (base === undefined) throw new Error('no sample');
    const assignment = {
      sourceId: SCAN,
      splits: fileSplits(1_000, '/d/part.parquet'),
      noMoreSplits: false,
    };
    const update = { ...base, splitAssignments: [assignment] };
    expect(updatePieces(update)).toEqual([update]);
  });
});
