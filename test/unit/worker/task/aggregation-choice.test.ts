import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AggregationChoice,
  shareLeft,
} from '../../../../services/worker/task/aggregation-choice.ts';
import type {
  StatementForm,
  StatementResult,
} from '../../../../services/worker/task/fragment-slot.ts';
import { NO_RESULT } from '../../../support/task-fakes.ts';

const partial = { countingSql: 'counting', rowwiseSql: 'rowwise', minRows: 100_000 };

/** Of a batch whose rows all reach the aggregate. */
const counted = (aggregatedRows: number, outputRows: number): StatementResult => ({
  ...NO_RESULT,
  aggregatedRows,
  outputRows,
});

/** What becomes of a batch of `next` rows after one of `rows` rows with `groups` groups. */
function formAfter(rows: number, groups: number, next: number): StatementForm {
  const choice = new AggregationChoice(partial);
  choice.note({ rowCount: rows }, counted(rows, groups));
  return choice.formFor({ rowCount: next });
}

describe('the choice whether to aggregate', () => {
  it('is none for a fragment that has one form', () => {
    const choice = new AggregationChoice(undefined);
    choice.note({ rowCount: 200_000 }, { ...NO_RESULT, outputRows: 200_000 });
    expect(choice.formFor({ rowCount: 200_000 })).toBe('plain');
  });

  it('counts until enough rows have been aggregated, however many were read', () => {
    const choice = new AggregationChoice(partial);
    expect(choice.formFor({ rowCount: 10 })).toBe('counting');
    choice.note({ rowCount: 5_000_000 }, counted(60_000, 60_000));
    expect(choice.formFor({ rowCount: 10 })).toBe('counting');
    choice.note({ rowCount: 5_000_000 }, counted(60_000, 60_000));
    expect(choice.formFor({ rowCount: 5_000_000 })).toBe('rowwise');
  });

  it('stops to aggregate where nearly every row is a group', () => {
    expect(formAfter(100_000, 100_000, 100_000)).toBe('rowwise');
    expect(formAfter(100_000, 81_000, 100_000)).toBe('rowwise');
    expect(formAfter(100_000, 79_000, 100_000)).toBe('plain');
    expect(formAfter(100_000, 4, 100_000)).toBe('plain');
  });

  it('expects more rows of each group in a larger batch', () => {
    expect(formAfter(100_000, 85_000, 100_000)).toBe('rowwise');
    expect(formAfter(100_000, 85_000, 1_000_000)).toBe('plain');
    expect(formAfter(100_000, 99_990, 1_000_000)).toBe('rowwise');
  });

  it('expects a batch to lose rows to filters as those before it did', () => {
    const choice = new AggregationChoice(partial);
    choice.note({ rowCount: 1_000_000 }, counted(100_000, 85_000));
    expect(choice.formFor({ rowCount: 1_000_000 })).toBe('rowwise');
    expect(choice.formFor({ rowCount: 10_000_000 })).toBe('plain');
  });

  it('goes by the largest batch that was counted', () => {
    const choice = new AggregationChoice(partial);
    choice.note({ rowCount: 100_000 }, counted(100_000, 30_000));
    choice.note({ rowCount: 10 }, counted(10, 10));
    expect(choice.formFor({ rowCount: 100_000 })).toBe('plain');
  });
});

describe('shareLeft', () => {
  it('gives the share of the sample itself, and less the more rows there are', () => {
    const sample = fc
      .tuple(fc.integer({ min: 1, max: 1_000_000 }), fc.integer({ min: 1, max: 1_000_000 }))
      .map(([a, b]) => ({ rows: Math.max(a, b), groups: Math.min(a, b) }));
    fc.assert(
      fc.property(sample, fc.double({ min: 1, max: 1_000, noNaN: true }), (of, times) => {
        const own = shareLeft(of, of.rows);
        expect(own).toBeCloseTo(of.groups / of.rows, 6);
        expect(shareLeft(of, of.rows * times)).toBeLessThanOrEqual(own + 1e-9);
      }),
    );
  });

  it('foretells the groups of random keys', () => {
    const keys = 50_000;
    const random = lehmer();
    const draw = (rows: number): number =>
      new Set(Array.from({ length: rows }, () => Math.floor(random() * keys))).size;
    const groups = draw(20_000);
    const foretold = shareLeft({ rows: 20_000, groups }, 200_000) * 200_000;
    expect(Math.abs(foretold - draw(200_000))).toBeLessThan(keys / 20);
  });
});

function lehmer(): () => number {
  let state = 42;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}
