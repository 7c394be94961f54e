import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CollectedDomain } from '../../../services/common/dynamic-filter/dynamic-filter.ts';
import type { FilterId } from '../../../services/common/ids.ts';
import { type ColumnType, formatColumnType } from '../../../services/common/plan/column-type.ts';
import type { FilteredColumn } from '../../../services/common/dynamic-filter/dynamic-filter.ts';
import {
  arrowRows,
  EXCHANGE,
  fileSplit,
  fragmentOf,
  oracle,
  SlotHarness,
  tableScan,
} from '../../support/slot-harness.ts';

const FILTER = 0 as FilterId;
const ROWS = 4_000;
const BIGINT: ColumnType = { id: 'BIGINT' };

/** A key of each kind, made of a number `i`; the build side has every 40th. */
const KEYS: readonly { readonly type: ColumnType; readonly sql: string }[] = [
  { type: { id: 'TINYINT' }, sql: '(i % 200) - 100' },
  { type: { id: 'SMALLINT' }, sql: 'i - 2000' },
  { type: { id: 'INTEGER' }, sql: 'i - 2000' },
  { type: BIGINT, sql: '(i - 2000) * 4000000000000000' },
  { type: { id: 'UTINYINT' }, sql: 'i % 256' },
  { type: { id: 'UBIGINT' }, sql: '18446744073709551615::UBIGINT - i::UBIGINT' },
  { type: { id: 'DECIMAL', width: 4, scale: 2 }, sql: '(i - 2000) / 100' },
  { type: { id: 'DECIMAL', width: 18, scale: 4 }, sql: '(i - 2000) * 1234567.89' },
  { type: { id: 'DECIMAL', width: 30, scale: 5 }, sql: '(i - 2000) * 123456789012345.6' },
  { type: { id: 'DATE' }, sql: "DATE '1969-06-01' + i::INTEGER" },
  {
    type: { id: 'TIMESTAMP' },
    sql: "TIMESTAMP '1969-12-31 23:00:00.000001' + INTERVAL (i) SECOND",
  },
  {
    type: { id: 'TIMESTAMP WITH TIME ZONE' },
    sql: "TIMESTAMPTZ '2024-01-01 00:00:00+00' + INTERVAL (i) SECOND",
  },
  {
    type: { id: 'VARCHAR' },
    sql: "CASE i % 5 WHEN 0 THEN '' WHEN 1 THEN '🦆' || i WHEN 2 THEN 'it''s ' || i ELSE repeat('long ', 5) || i END",
  },
  {
    type: { id: 'DOUBLE' },
    sql: "CASE i % 160 WHEN 0 THEN 'nan'::DOUBLE WHEN 40 THEN -0.0 WHEN 41 THEN 0.0 WHEN 80 THEN 'inf'::DOUBLE ELSE i / 7 END",
  },
  {
    type: { id: 'FLOAT' },
    sql: "CASE i % 160 WHEN 0 THEN 'nan'::FLOAT WHEN 40 THEN -0.0 WHEN 41 THEN 0.0 ELSE i / 7 END",
  },
  { type: { id: 'UUID' }, sql: 'md5(i::VARCHAR)::UUID' },
  { type: { id: 'BLOB' }, sql: "encode('blob ' || i)" },
];

let slots: SlotHarness;
let probeFile: string;
let buildFile: string;
const cast = ({ type, sql }: (typeof KEYS)[number]): string =>
  `CASE WHEN i % 11 <> 3 THEN CAST(${sql} AS ${formatColumnType(type)}) END`;

beforeAll(async () => {
  slots = await SlotHarness.open();
  probeFile = join(slots.directory, 'probe.parquet');
  buildFile = join(slots.directory, 'build.parquet');
  const keys = KEYS.map((key, index) => `${cast(key)} AS k${index}`).join(', ');
  await oracle(`COPY (SELECT i AS id, ${keys} FROM range(${ROWS}) t(i)) TO '${probeFile}'`);
  await oracle(`COPY (FROM '${probeFile}' WHERE id % 40 IN (0, 3)) TO '${buildFile}'`);
});
afterAll(async () => await slots[Symbol.asyncDispose]());

interface KeyCase {
  readonly type: ColumnType;
  readonly column: string;
  readonly where?: string;
  readonly bloomBits?: number;
}

/** What a task of the build side says of the key. */
async function collect({
  type,
  column,
  where = 'true',
  bloomBits = 8192,
}: KeyCase): Promise<CollectedDomain> {
  const scans = [
    tableScan('build', [
      { name: column, type },
      { name: 'id', type: BIGINT },
    ]),
  ];
  const fragment = await fragmentOf(`SELECT c0 FROM scan_1 WHERE ${where}`, { scans });
  const key = { filterId: FILTER, column: 0, type, bloomBits, collectsValues: true };
  const { statement } = await slots.run(
    { ...fragment, collectedKeys: [key] },
    { deals: [EXCHANGE], ordered: false, splits: { 1: [fileSplit(buildFile, 0, ROWS)] } },
  );
  const [collected] = statement.collectedDomains ?? [];
  if (collected === undefined) throw new Error('nothing was collected');
  return collected;
}

/** Ids of the probe's rows that pass, and how many were counted as kept out. */
async function probe(
  { type, column }: KeyCase,
  { filterId, domain }: CollectedDomain,
  changes: Partial<FilteredColumn> = {},
): Promise<{ readonly ids: ReadonlySet<number>; readonly filteredRows: number }> {
  const filtered = {
    filterId,
    column: 0,
    type,
    keepsNulls: false,
    isAwaited: true,
    testsRows: true,
  };
  const scan = tableScan('probe', [
    { name: column, type },
    { name: 'id', type: BIGINT },
  ]);
  const scans = [{ ...scan, filteredColumns: [{ ...filtered, ...changes }] }];
  const fragment = await fragmentOf('SELECT c1 AS c0 FROM scan_1', { scans });
  const splits = {
    1: [fileSplit(probeFile, 0, ROWS / 2), fileSplit(probeFile, ROWS / 2, ROWS / 2)],
  };
  const { pages, statement } = await slots.run(fragment, {
    splits,
    filters: [{ filterId, version: 1, domain }],
  });
  const rows = arrowRows(
    fragment.columns,
    pages.map(({ page }) => page),
  );
  return { ids: new Set(rows.map(([id]) => Number(id))), filteredRows: statement.filteredRows };
}

async function idsOf(sql: string): Promise<readonly number[]> {
  return (await oracle(sql)).rows.map(([id]) => Number(id));
}

describe('a dynamic filter over real rows', () => {
  const cases = KEYS.map((key, index) => ({
    ...key,
    column: `k${index}`,
    name: formatColumnType(key.type),
  }));

  it.each(cases)('lets every row with a match pass, and few others: $name', async (key) => {
    const matches = await idsOf(
      `SELECT id FROM '${probeFile}' p WHERE ${key.column} IN (SELECT ${key.column} FROM '${buildFile}')`,
    );
    for (const bloomBits of [8192, 0]) {
      const { ids } = await probe(key, await collect({ ...key, bloomBits }));
      expect(matches.filter((id) => !ids.has(id))).toEqual([]);
      const isExact = bloomBits > 0 && !['TINYINT', 'UTINYINT'].includes(key.type.id);
      if (isExact) expect(ids.size).toBeLessThan(ROWS / 2);
    }
  });

  it.each(cases)('keeps NULLs only where the join wants them: $name', async (key) => {
    const collected = await collect(key);
    const nulls = await idsOf(`SELECT id FROM '${probeFile}' WHERE ${key.column} IS NULL`);
    const without = await probe(key, collected, { keepsNulls: false });
    const withNulls = await probe(key, collected, { keepsNulls: true });
    expect(nulls.length).toBeGreaterThan(0);
    expect(nulls.filter((id) => !withNulls.ids.has(id))).toEqual([]);
    expect(without.ids.size).toBeLessThan(ROWS);
  });

  it.each(cases)('lets nothing pass when the build side is empty or NULL: $name', async (key) => {
    for (const where of ['false', 'c0 IS NULL']) {
      const collected = await collect({ ...key, where });
      expect(collected.domain).toEqual({ kind: 'none' });
      const { ids, filteredRows } = await probe(key, collected);
      expect(ids.size).toBe(0);
      expect(filteredRows).toBe(ROWS);
    }
  });

  it('counts the rows that it keeps out', async () => {
    const key = { type: BIGINT, column: 'id' };
    const { ids, filteredRows } = await probe(key, await collect(key));
    expect(ids.size + filteredRows).toBeGreaterThan(ROWS * 0.9);
  });

  it('compares narrower integers as the join does', async () => {
    const collected = await collect({ type: { id: 'INTEGER' }, column: 'k2' });
    const narrow = { type: { id: 'SMALLINT' } as const, column: 'k1' };
    const { ids } = await probe(narrow, collected, { type: { id: 'INTEGER' } });
    const matches = await idsOf(
      `SELECT id FROM '${probeFile}' WHERE k1 IN (SELECT k2 FROM '${buildFile}')`,
    );
    expect(matches.filter((id) => !ids.has(id))).toEqual([]);
    expect(ids.size).toBeLessThan(ROWS / 4);
  });
});
