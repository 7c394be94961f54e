import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SourceId } from '../../../../services/common/ids.ts';
import type { ScanInput } from '../../../../services/common/plan/plan-fragment.ts';
import type { FileSplit } from '../../../../services/common/plan/split.ts';
import { joinRanges, scanRelation } from '../../../../services/worker/duckdb/scan-relation.ts';

const split = (path: string, firstRow: number, rowCount: number): FileSplit => ({
  kind: 'file',
  path,
  sizeBytes: 1,
  modifiedAtMs: 1,
  firstRow,
  rowCount,
  bytes: 1,
});

const SCAN: ScanInput = {
  sourceId: 3 as SourceId,
  name: 'scan_3',
  format: 'parquet',
  table: 'orders',
  columns: [
    { name: 'o "key"', type: { id: 'BIGINT' } },
    { name: 'o_price', type: { id: 'DECIMAL', width: 15, scale: 2 } },
  ],
};

describe('joining ranges', () => {
  it('joins neighbours of one file, whatever their order, and keeps gaps', () => {
    const splits = [split('b', 20, 10), split('a', 0, 5), split('b', 10, 10), split('b', 40, 1)];
    expect(joinRanges(splits)).toEqual([
      { path: 'b', firstRow: 10, endRow: 30 },
      { path: 'b', firstRow: 40, endRow: 41 },
      { path: 'a', firstRow: 0, endRow: 5 },
    ]);
  });

  it('reads every row of the splits once', () => {
    const widths = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(widths, fc.infiniteStream(fc.boolean()), (counts, kept) => {
        let row = 0;
        const splits: FileSplit[] = [];
        for (const count of counts) {
          if (kept.next().value) splits.push(split('f', row, count));
          row += count;
        }
        const rows = joinRanges(splits.toReversed()).flatMap(({ firstRow, endRow }) => {
          return Array.from({ length: endRow - firstRow }, (_, i) => firstRow + i);
        });
        const wanted = splits.flatMap((s) =>
          Array.from({ length: s.rowCount }, (_, i) => s.firstRow + i),
        );
        expect(rows).toEqual(wanted);
      }),
    );
  });
});

describe('a scan', () => {
  it('reads its columns with their types, by row ranges', () => {
    expect(
      scanRelation(SCAN, [split("/d/o'1.parquet", 0, 10), split('/d/2.parquet', 5, 5)], {
        partition: 0,
      }),
    ).toBe(
      `SELECT CAST("o ""key""" AS BIGINT) AS c0, CAST("o_price" AS DECIMAL(15,2)) AS c1` +
        ` FROM read_parquet('/d/o''1.parquet', file_row_number = true)` +
        ` WHERE file_row_number BETWEEN 0 AND 9\nUNION ALL ` +
        `SELECT CAST("o ""key""" AS BIGINT) AS c0, CAST("o_price" AS DECIMAL(15,2)) AS c1` +
        ` FROM read_parquet('/d/2.parquet', file_row_number = true)` +
        ` WHERE file_row_number BETWEEN 5 AND 9`,
    );
  });

  it('has its columns even without splits (T23)', () => {
    expect(scanRelation(SCAN, [], { partition: 0 })).toBe(
      'SELECT CAST(NULL AS BIGINT) AS c0, CAST(NULL AS DECIMAL(15,2)) AS c1 LIMIT 0',
    );
  });

  it('gives only the rows of the task’s partition', () => {
    const partitioning = { predicates: ['c0 < 5', 'c0 >= 5'], mismatch: 'skip' } as const;
    const relation = scanRelation({ ...SCAN, partitioning }, [split('/f', 0, 2)], { partition: 1 });
    expect(relation).toMatch(/^SELECT \* FROM \(SELECT .*\) WHERE c0 >= 5$/s);
  });

  it('has a column even when only its rows count', () => {
    const relation = scanRelation({ ...SCAN, columns: [] }, [split('/f', 0, 2)], { partition: 0 });
    expect(relation).toBe(
      "SELECT NULL AS c0 FROM read_parquet('/f', file_row_number = true) WHERE file_row_number BETWEEN 0 AND 1",
    );
  });

  it('has only rows that its dynamic filters let pass', () => {
    const relation = scanRelation(SCAN, [split('/f', 0, 2), split('/g', 0, 2)], {
      partition: 0,
      predicates: ['c0 >= 5', 'c1 IS NULL'],
    });
    expect(relation).toMatch(/^SELECT \* FROM \(SELECT .*\) WHERE c0 >= 5 AND c1 IS NULL$/s);
  });
});
