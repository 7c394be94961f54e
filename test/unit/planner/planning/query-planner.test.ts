import { describe, expect, it } from 'vitest';
import type { PlanFragment, QueryPlan } from '../../../../services/common/plan/plan-fragment.ts';
import { NEW_SESSION } from '../../../../services/common/session-state.ts';
import { parseSessionProperties } from '../../../../services/common/session-properties.ts';
import type { Table } from '../../../../services/planner/catalog/table.ts';
import type { LogicalPlan } from '../../../../services/planner/logical/logical-plan.ts';
import type {
  AdmittedStatement,
  Explain,
  BoundQuery,
  DecodedPlan,
  FrontEnd,
  PlanningRequest,
  Refutation,
  ScanCatalog,
  WholeQuery,
} from '../../../../services/planner/planning/ports.ts';
import { QueryPlanner } from '../../../../services/planner/planning/query-planner.ts';
import {
  aggregateCall,
  BIGINT,
  column,
  groupBy,
  scan,
} from '../../../support/logical-plan-builders.ts';

const MIB = 1024 * 1024;
const COUNT_BY_KEY = groupBy(scan(0, 2, 1000), [column(1)], [aggregateCall('count_star', [])]);

describe('QueryPlanner', () => {
  it('keeps a query small below the threshold, on one worker, and when it is told to', async () => {
    const reason = async (options: Partial<Situation>): Promise<string> => {
      const plan = await planned(options);
      return `${plan.rung}: ${plan.rungReason}`;
    };
    expect(await reason({ bytes: MIB })).toBe(
      `small: ${MIB} bytes of input are below distribution_threshold`,
    );
    const weighed = 'work of 4.0 MiB instead of 8.0 MiB in stages';
    expect(await reason({ bytes: 8 * MIB })).toBe(
      `small: ${8 * MIB} bytes of input are below distribution_threshold, ${weighed}`,
    );
    expect(await reason({ workerCount: 1 })).toBe('small: the cluster has one worker');
    expect(await reason({ properties: { distribution: 'never' } })).toBe(
      'small: distribution = never',
    );
    expect(await reason({})).toBe('distributed: 2 stages, 1 with several tasks');
    const always = { bytes: 1, workerCount: 1, properties: { distribution: 'always' } };
    expect(await reason(always)).toBe('distributed: 2 stages, 2 with several tasks');
  });

  it('reads the files in the one fragment of a small query', async () => {
    const { fragments, scans } = await planned({ workerCount: 1 });
    expect(fragments).toHaveLength(1);
    expect(fragments[0]).toMatchObject({
      partitioning: { kind: 'single' },
      scans: [{ sourceId: 0, name: 'scan_0', table: '/data/0' }],
      threads: 'worker',
      columns: [{ name: 'key' }, { name: 'count' }],
    });
    expect(scans).toMatchObject([{ sourceId: 0, totalRows: 500, totalBytes: 128 * MIB }]);
  });

  it('steps down to one task over distributed scans when a fragment does not bind as planned', async () => {
    const plan = await planned({
      properties: { distribution: 'always' },
      refute: ({ partitioning }) =>
        partitioning.kind === 'hash' ? { reason: 'column 1 differs' } : undefined,
    });
    expect(plan.rung).toBe('single-over-scans');
    expect(plan.rungReason).toContain('not distributed: fragment 1: column 1 differs');
    expect(plan.fragments.map(({ partitioning }) => partitioning.kind)).toEqual([
      'source',
      'single',
    ]);
  });

  it('steps down to the whole statement when a plan cannot be taken apart', async () => {
    const plan = await planned({
      plan: { kind: 'unsupported', construct: 'operator LOGICAL_SAMPLE' },
    });
    expect(plan).toMatchObject({
      rung: 'whole',
      rungReason: 'not decoded: operator LOGICAL_SAMPLE',
      fragments: [{ sql: 'SELECT c0, c1 FROM scan_5', scans: [{ sourceId: 5 }] }],
      scans: [{ sourceId: 5 }],
    });
  });

  it('steps down when a plan has more stages than a cluster should run at once', async () => {
    const children = Array.from({ length: 151 }, (_, index) => scan(index, 2, 10));
    const { columns } = COUNT_BY_KEY;
    const union: LogicalPlan = {
      kind: 'set-operation',
      operator: 'union',
      all: true,
      allowOutOfOrder: true,
      children,
      columns,
    };
    const plan = await planned({ plan: { kind: 'plan', plan: union, isJoinOrdered: true } });
    expect(plan.rung).toBe('whole');
    expect(plan.rungReason).toContain('not distributed: 152 stages, at most 150');
  });

  it('refuses with every reason when no rung is left', async () => {
    const refused = planned({
      refute: () => ({ reason: 'it does not bind' }),
      whole: { kind: 'refused', reason: 'no such SQL' },
    });
    await expect(refused).rejects.toMatchObject({
      code: 'STATEMENT_NOT_SUPPORTED',
      message: expect.stringMatching(
        /not distributed: .*; not single-over-scans: .*; no such SQL$/s,
      ) as string,
    });
  });

  it('answers EXPLAIN with the plan that the query would have', async () => {
    const plan = await planned({ explain: { isAnalyzed: false, format: 'text' } });
    expect(plan.rung).toBe('small');
    expect(plan.fragments[0]?.columns.map(({ name }) => name)).toEqual([
      'explain_key',
      'explain_value',
    ]);
    expect(plan.fragments[0]?.sql).toContain('rung: distributed\nreason: 2 stages');
  });

  it('answers EXPLAIN (FORMAT json) with one document', async () => {
    const plan = await planned({ explain: { isAnalyzed: false, format: 'json' } });
    expect(plan.fragments[0]?.sql).toContain('"rung": "distributed"');
  });

  it('answers EXPLAIN ANALYZE with the plan itself, whose rows go to nobody', async () => {
    const plan = await planned({ explain: { isAnalyzed: true, format: 'json' } });
    expect(plan).toMatchObject({ rung: 'distributed', analysis: 'json' });
    expect(plan.fragments.at(-1)?.outputs).toEqual([
      { consumer: { kind: 'client' }, scheme: { kind: 'discard' } },
    ]);
    expect(plan.scans[0]?.pruned).toEqual({ files: 0, rowGroups: 3 });
  });
});

describe('a plan that tables alone decide', () => {
  /** Whether the second of two requests is answered by the first one's plan. */
  async function isKept(
    changes: Partial<Situation>,
    second: { readonly request?: Partial<PlanningRequest>; readonly isCurrent?: boolean } = {},
  ): Promise<boolean> {
    const situation = situationOf({ decidedBy: [NATION], ...changes });
    const frontEnd = frontEndOf(situation);
    let admissions = 0;
    const planner = new QueryPlanner({
      frontEnd: {
        ...frontEnd,
        admit: async (request) => {
          admissions += 1;
          return await frontEnd.admit(request);
        },
      },
      catalog: {
        ...catalogOf(situation.bytes),
        lookAgain: async () =>
          (second.isCurrent ?? true) ? { areSame: true, seen: undefined } : { areSame: false },
      },
    });
    const first = await planner.plan(requestOf(situation));
    const again = await planner.plan({ ...requestOf(situation), ...second.request });
    expect(again).toEqual(second.request === undefined ? first : expect.anything());
    return admissions === 1;
  }

  it('is kept for an equal request', async () => {
    expect(await isKept({})).toBe(true);
    expect(await isKept({ decidedBy: [] })).toBe(true);
    expect(await isKept({ decidedBy: undefined })).toBe(false);
    expect(await isKept({ explain: { isAnalyzed: false, format: 'text' } })).toBe(false);
  });

  it('holds for ever when no table decides it', async () => {
    const constant = await planned({ decidedBy: [] });
    expect(constant.holdsWhile).toEqual([]);
    expect((await planned({ decidedBy: [NATION] })).holdsWhile).toBeUndefined();
    expect((await planned({ decidedBy: undefined })).holdsWhile).toBeUndefined();
  });

  it('says what it rests on when it is asked for again', async () => {
    const situation = situationOf({ decidedBy: [NATION] });
    const seen = [{ path: '/data/nation.parquet', changedAtMs: 1 }];
    const planner = new QueryPlanner({
      frontEnd: frontEndOf(situation),
      catalog: {
        ...catalogOf(situation.bytes),
        lookAgain: async (tables) => {
          expect(tables).toEqual([NATION]);
          return { areSame: true, seen };
        },
      },
    });
    expect((await planner.plan(requestOf(situation))).holdsWhile).toBeUndefined();
    expect((await planner.plan(requestOf(situation))).holdsWhile).toEqual(seen);
  });

  it('is made anew when a table has changed', async () => {
    expect(await isKept({}, { isCurrent: false })).toBe(false);
  });

  it.each<readonly [string, Partial<PlanningRequest>]>([
    ['text', { sql: 'another' }],
    ['cluster', { cluster: { workerCount: 3, tasksPerWorker: 2 } }],
    ['property', { session: parseSessionProperties({ time_zone: 'Asia/Tokyo' }) }],
    ['session', { sessionState: { ...NEW_SESSION, schema: 'other' } }],
    ['parameter', { parameters: Uint8Array.of(1) }],
  ])('is not that of a request with another %s', async (_, request) => {
    expect(await isKept({}, { request })).toBe(false);
  });
});

const NATION: Table = {
  name: { catalog: '', schema: 'main', table: 'nation' },
  format: 'parquet',
  files: [{ path: '/data/nation.parquet', sizeBytes: 1, modifiedAtMs: 1 }],
  isHivePartitioned: false,
};

interface Situation {
  readonly plan: DecodedPlan;
  readonly whole: WholeQuery;
  readonly bytes: number;
  readonly workerCount: number;
  readonly properties: Readonly<Record<string, string>>;
  readonly explain: Explain | undefined;
  readonly decidedBy: readonly Table[] | undefined;
  readonly refute: (fragment: PlanFragment) => Refutation | undefined;
}

function situationOf(changes: Partial<Situation>): Situation {
  return {
    plan: { kind: 'plan', plan: COUNT_BY_KEY, isJoinOrdered: true },
    whole: {
      kind: 'sql',
      sql: 'SELECT c0, c1 FROM scan_5',
      scans: [scan(5, 2, 10)],
      settings: {},
      systemScans: [],
      preparation: [],
      isSeeded: false,
    },
    bytes: 128 * MIB,
    workerCount: 2,
    properties: {},
    explain: undefined,
    decidedBy: undefined,
    refute: () => undefined,
    ...changes,
  };
}

async function planned(changes: Partial<Situation>): Promise<QueryPlan> {
  const situation = situationOf(changes);
  const planner = new QueryPlanner({
    frontEnd: frontEndOf(situation),
    catalog: catalogOf(situation.bytes),
  });
  return await planner.plan(requestOf(situation));
}

function requestOf({
  properties,
  workerCount,
}: Pick<Situation, 'properties' | 'workerCount'>): PlanningRequest {
  return {
    sql: 'played by the front end',
    session: parseSessionProperties(properties),
    sessionState: NEW_SESSION,
    parameters: new Uint8Array(),

    answers: new Uint8Array(),
    cluster: { workerCount, tasksPerWorker: 2 },
  };
}

function frontEndOf({ plan, whole, explain, refute, decidedBy }: Situation): FrontEnd {
  const query: BoundQuery = {
    columns: [
      { name: 'key', type: BIGINT },
      { name: 'count', type: BIGINT },
    ],
    settings: { TimeZone: 'UTC' },
    plan,
    whole: async () => whole,
  };
  const admitted: AdmittedStatement =
    explain === undefined
      ? { kind: 'query', query, decidedBy }
      : { kind: 'explain', query, explain };
  return { admit: async () => admitted, refute: async (fragment) => refute(fragment) };
}

/** Each scan has one file of two row groups, which share the bytes. */
function catalogOf(bytes: number): ScanCatalog {
  return {
    resolve: async ({ files }) => ({
      pruned: { files: 0, rowGroups: 3 },
      files: files.map((path) => ({
        path,
        sizeBytes: bytes,
        modifiedAtMs: 1,
        rowGroups: [
          { firstRow: 0, rowCount: 250, bytes: bytes / 2 },
          { firstRow: 250, rowCount: 250, bytes: bytes / 2 },
        ],
      })),
    }),
    statisticsOf: async () => undefined,
    tableOf: ({ files }) => (files[0] ?? '').replace('.parquet', ''),
    lookAgain: async () => ({ areSame: true, seen: undefined }),
    listTables: async () => [],
  };
}
