/**
 * The SQL that a slot runs for a fragment: its inputs as common table expressions, its rows handed to
 * `emit_rows`, a function of the slot. The statement is no stream, so every error rejects it, with its
 * code, however late it comes (duckdb.md §4), and its one answer counts the rows.
 */
import { assert } from '../../common/assert.ts';
import type { SourceId } from '../../common/ids.ts';
import type { PlanFragment, RemoteSource } from '../../common/plan/plan-fragment.ts';
import type { FileSplit } from '../../common/plan/split.ts';
import type { FragmentRun, RowDeal, StatementForm } from '../task/fragment-slot.ts';
import { keyAggregates, keyHashes } from './key-collector.ts';
import type { ScanFilters } from './scan-filters.ts';
import { scanRelation } from './scan-relation.ts';

export const EMIT_ROWS = 'emit_rows';
export const PAGE_SOURCE = 'page_source';

/**
 * Remote sources that are loaded into a temporary table before the fragment reads them: their pages pass by
 * once, but the SQL mentions them more than once or runs more than once.
 */
export function loadedSources(fragment: PlanFragment): readonly RemoteSource[] {
  if (fragment.inputMode === 'incremental') return fragment.remoteSources;
  return fragment.remoteSources.filter((source) => mentions(fragment.sql, source.name) > 1);
}

function mentions(sql: string, name: string): number {
  return sql.match(new RegExp(`\\b${name}\\b`, 'g'))?.length ?? 0;
}

export function loadStatement(source: RemoteSource): string {
  return `CREATE TEMP TABLE ${loadedName(source)} AS ${pageRelation(source)}`;
}

export function unloadStatement(source: RemoteSource): string {
  return `DROP TABLE IF EXISTS temp.${loadedName(source)}`;
}

const loadedName = (source: RemoteSource): string => `loaded_${source.sourceId}`;

function pageRelation(source: RemoteSource): string {
  const columns = source.types.map((_type, i) => `c${i}`);
  return `SELECT ${columns.join(', ') || 'c0'} FROM ${PAGE_SOURCE}(${source.sourceId})`;
}

/** What a statement runs over, and how. */
export interface StatementInput {
  /** Absent = plain. */
  readonly form?: StatementForm;
  readonly splits: ReadonlyMap<SourceId, readonly FileSplit[]>;
  readonly filters?: ScanFilters;
}

/**
 * Counts the calls of `emit_rows(columns…, partition of each hash deal…, hashes of collected keys…, rows that were
 * aggregated or position in the result)`; the aggregates of the collected keys stand beside the count.
 */
export function fragmentStatement(run: FragmentRun, input: StatementInput): string {
  const { fragment } = run;
  const columns = fragment.columns.map((_column, i) => `c${i}`);
  const keys = fragment.collectedKeys ?? [];
  const values = [...columns, ...run.deals.flatMap(partitionColumn), ...keyHashes(keys)];
  const inputs = inputRelations(run, input);
  const prefix = inputs.length === 0 ? '' : `WITH ${inputs.join(',\n')}\n`;
  // Where only rows count the SQL still has a column.
  const counts = input.form === 'counting' ? [`c${columns.length}`] : [];
  const names = [...columns, ...counts].join(', ') || 'c0';
  const rows = `(${sqlIn(fragment, input.form ?? 'plain')}\n) AS fragment_rows(${names})`;
  if (!run.ordered) {
    const aggregates = keys.flatMap(keyAggregates);
    return `${prefix}${countEmitted([...values, ...counts], rows, aggregates)}`;
  }
  // A streaming window runs in one thread over the rows in their order, so the calls come in it too.
  const positioned = `(SELECT row_number() OVER () AS position, * FROM ${rows})`;
  return `${prefix}${countEmitted([...values, 'position'], positioned)}`;
}

function sqlIn({ sql, partialAggregation }: PlanFragment, form: StatementForm): string {
  if (form === 'plain') return sql;
  assert(partialAggregation !== undefined, 'the fragment has other forms');
  return form === 'counting' ? partialAggregation.countingSql : partialAggregation.rowwiseSql;
}

function countEmitted(
  values: readonly string[],
  rows: string,
  aggregates: readonly string[] = [],
): string {
  const emitted = `count(${EMIT_ROWS}(${values.join(', ') || 'true'}))`;
  return `SELECT ${[emitted, ...aggregates].join(', ')} FROM ${rows}`;
}

function inputRelations(
  { fragment, partition }: FragmentRun,
  { splits, filters }: StatementInput,
): readonly string[] {
  const loaded = new Set(loadedSources(fragment));
  return [
    ...fragment.scans.map((scan) => {
      const read = filters?.isShut(scan) === true ? [] : (splits.get(scan.sourceId) ?? []);
      const predicates = filters?.predicatesOf(scan);
      return relation(scan.name, scanRelation(scan, read, { partition, predicates }));
    }),
    ...fragment.remoteSources.map((source) => {
      const rows = loaded.has(source) ? `FROM temp.${loadedName(source)}` : pageRelation(source);
      return relation(source.name, rows);
    }),
  ];
}

function relation(name: string, sql: string): string {
  return `${name} AS NOT MATERIALIZED (${sql})`;
}

/** Workers agree on `hash()`: its fingerprint is part of their Hello. */
function partitionColumn(deal: RowDeal): readonly string[] {
  if (deal.keys === undefined) return [];
  return [`(hash(${deal.keys.join(', ')}) % ${deal.partitionCount}::UBIGINT)::INTEGER`];
}
