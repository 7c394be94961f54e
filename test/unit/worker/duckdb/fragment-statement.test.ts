import { describe, expect, it } from 'vitest';
import type { PartitionId } from '../../../../services/common/ids.ts';
import type { PlanFragment } from '../../../../services/common/plan/plan-fragment.ts';
import {
  fragmentStatement,
  loadedSources,
  loadStatement,
} from '../../../../services/worker/duckdb/fragment-statement.ts';
import type { FragmentRun } from '../../../../services/worker/task/fragment-slot.ts';
import { aFragment, aRemote, aScan } from '../../../support/plan-builders.ts';

const runOf = (fragment: PlanFragment, changes: Partial<FragmentRun> = {}): FragmentRun => ({
  fragment,
  preparation: [],
  partition: 0 as PartitionId,
  deals: [{ keys: undefined, partitionCount: 1, layout: 'exchange' }],
  ordered: false,
  rowLimit: undefined,
  inputRows: new Map(),
  isProfiled: false,
  ...changes,
});

const sql = (fragment: PlanFragment, changes: Partial<FragmentRun> = {}): string =>
  fragmentStatement(runOf(fragment, changes), { splits: new Map() });

describe('the statement of a fragment', () => {
  it('emits its columns and counts them', () => {
    expect(sql(aFragment(0, { sql: 'SELECT 7 AS c0' }))).toBe(
      'SELECT count(emit_rows(c0)) FROM (SELECT 7 AS c0\n) AS fragment_rows(c0)',
    );
  });

  it('emits the partition of each hash deal, as whole tasks are numbered', () => {
    const deals: FragmentRun['deals'] = [
      { keys: ['c0', 'c0 + 1'], partitionCount: 4, layout: 'exchange' },
      { keys: undefined, partitionCount: 1, layout: 'exchange' },
      { keys: ['c0'], partitionCount: 3, layout: 'exchange' },
    ];
    expect(sql(aFragment(0), { deals })).toContain(
      'emit_rows(c0, (hash(c0, c0 + 1) % 4::UBIGINT)::INTEGER, (hash(c0) % 3::UBIGINT)::INTEGER)',
    );
  });

  it('numbers ordered rows, so that they come one after the other', () => {
    expect(sql(aFragment(0), { ordered: true })).toBe(
      'SELECT count(emit_rows(c0, position)) FROM (SELECT row_number() OVER () AS position, * FROM ' +
        '(SELECT 0 AS c0\n) AS fragment_rows(c0))',
    );
  });

  it('runs the other forms of a partial aggregate, with the rows it counts as the last argument', () => {
    const forms = {
      countingSql: 'SELECT 1 AS c0, 2 AS c1',
      rowwiseSql: 'SELECT 3 AS c0',
      minRows: 1,
    };
    const run = runOf(aFragment(0, { partialAggregation: forms }), {
      deals: [{ keys: ['c0'], partitionCount: 2, layout: 'exchange' }],
    });
    const splits = new Map();
    expect(fragmentStatement(run, { splits, form: 'counting' })).toBe(
      'SELECT count(emit_rows(c0, (hash(c0) % 2::UBIGINT)::INTEGER, c1)) FROM ' +
        '(SELECT 1 AS c0, 2 AS c1\n) AS fragment_rows(c0, c1)',
    );
    expect(fragmentStatement(run, { splits, form: 'rowwise' })).toContain('(SELECT 3 AS c0\n)');
    expect(fragmentStatement(run, { splits, form: 'plain' })).toContain('(SELECT 0 AS c0\n)');
  });

  it('emits something even where only rows count', () => {
    expect(sql(aFragment(0, { columns: [] }))).toContain('emit_rows(true)');
  });

  it('offers scans and remote sources under their names', () => {
    const fragment = aFragment(0, {
      sql: 'SELECT c0 FROM scan_1 JOIN remote_2 USING (c0)',
      scans: [aScan(1)],
      remoteSources: [aRemote(2, [5], 'partitioned')],
    });
    expect(sql(fragment)).toContain(
      'WITH scan_1 AS NOT MATERIALIZED (SELECT CAST(NULL AS INTEGER)',
    );
    expect(sql(fragment)).toContain('remote_2 AS NOT MATERIALIZED (SELECT c0 FROM page_source(2))');
  });
});

describe('a remote source', () => {
  const remote = aRemote(2, [5], 'broadcast');

  it('is loaded when the SQL mentions it more than once', () => {
    const once = aFragment(0, {
      sql: 'SELECT * FROM remote_2, remote_20',
      remoteSources: [remote],
    });
    const twice = { ...once, sql: 'SELECT * FROM remote_2 a, remote_2 b' };
    expect(loadedSources(once)).toEqual([]);
    expect(loadedSources(twice)).toEqual([remote]);
    expect(loadStatement(remote)).toBe(
      'CREATE TEMP TABLE loaded_2 AS SELECT c0 FROM page_source(2)',
    );
    expect(sql(twice)).toContain('remote_2 AS NOT MATERIALIZED (FROM temp.loaded_2)');
  });

  it('is loaded when the SQL runs more than once', () => {
    const fragment = aFragment(0, {
      sql: 'SELECT * FROM scan_1 JOIN remote_2 USING (c0)',
      scans: [aScan(1)],
      remoteSources: [remote],
      inputMode: 'incremental',
    });
    expect(loadedSources(fragment)).toEqual([remote]);
  });
});
