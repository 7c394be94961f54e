import { describe, expect, it } from 'vitest';
import type { FragmentId, SourceId } from '../../../../services/common/ids.ts';
import type { QueryPlan } from '../../../../services/common/plan/plan-fragment.ts';
import { explainRows } from '../../../../services/planner/explain/explain-plan.ts';
import { valuesPlan } from '../../../../services/planner/explain/values-plan.ts';
import { aFragment, aScanFragment } from '../../../support/plan-builders.ts';

const PLAN: QueryPlan = {
  fragments: [
    aScanFragment(
      0,
      {
        sourceId: 0,
        output: {
          consumer: { kind: 'fragment', fragmentId: 1 as FragmentId, sourceId: 1 as SourceId },
          scheme: { kind: 'hash', keys: ['c0'] },
        },
      },
      { estimatedRows: 41.7, rowLimit: 5 },
    ),
    aFragment(1, {
      partitioning: { kind: 'hash' },
      remoteSources: [
        {
          sourceId: 1 as SourceId,
          name: 'remote_1',
          producers: [0 as FragmentId],
          delivery: 'partitioned',
          types: [{ id: 'INTEGER' }],
          estimatedRows: 42,
        },
      ],
    }),
  ],
  scans: [],
  rung: 'distributed',
  rungReason: '2 stages, 2 with several tasks',
};

describe('explainRows', () => {
  it('names the rung and its reason, then every fragment with all that decides how it runs', () => {
    expect(explainRows(PLAN)).toEqual([
      ['rung', 'rung: distributed\nreason: 2 stages, 2 with several tasks'],
      [
        'fragment 0',
        [
          'partitioning: source (scan_0 = table_0)',
          'output: hash(c0) to fragment 1',
          'estimated rows: 42',
          'row limit: 5',
          'SELECT 0 AS c0',
        ].join('\n'),
      ],
      [
        'fragment 1',
        [
          'partitioning: hash',
          'output: client',
          'input: remote_1 = partitioned from fragment 0 (about 42 rows)',
          'estimated rows: 1',
          'SELECT 1 AS c0',
        ].join('\n'),
      ],
    ]);
  });
});

describe('valuesPlan', () => {
  it('is one small fragment whose SQL holds the rows, each in its column’s type', () => {
    const plan = valuesPlan(
      {
        columns: [
          { name: 'it’s', type: { id: 'VARCHAR' } },
          { name: 'n', type: { id: 'BIGINT' } },
        ],
        rows: [
          ["o'clock", '7'],
          [null, null],
        ],
      },
      'known',
    );
    expect(plan).toMatchObject({ rung: 'small', rungReason: 'known', scans: [] });
    expect(plan.fragments[0]?.sql).toBe(
      'SELECT CAST(c0 AS VARCHAR) AS c0, CAST(c1 AS BIGINT) AS c1 ' +
        "FROM (VALUES ('o''clock', '7'), (NULL, NULL)) AS known(c0, c1)",
    );
  });

  it('has no rows where there are none', () => {
    const columns = [{ name: 'name', type: { id: 'VARCHAR' } as const }];
    expect(valuesPlan({ columns, rows: [] }, 'known').fragments[0]?.sql).toContain('LIMIT 0');
  });
});
