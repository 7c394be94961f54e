/**
 * Dynamic filters (scheduling.md §7): where a join reads one side from other stages, the keys of those rows tell which
 * rows of the other side can have a match at all. The stages that make the rows collect their keys; scans on the
 * other side, reached by steps that keep the meaning of the query (`filter-targets.ts`), leave the rest unread.
 *
 * Each join is a source in one direction only, from the side with fewer rows to the other, so no scan ever waits for
 * rows that wait for its own.
 */
import { bloomBitsFor } from '../../common/dynamic-filter/bloom-filter.ts';
import {
  type CollectedKey,
  type FilteredColumn,
} from '../../common/dynamic-filter/dynamic-filter.ts';
import { keyFormOf, MAX_TASK_VALUES } from '../../common/dynamic-filter/key-domain.ts';
import type { FilterId } from '../../common/ids.ts';
import { sameColumnType, type ColumnType } from '../../common/plan/column-type.ts';
import {
  type Join,
  type JoinCondition,
  type JoinType,
  type ScanId,
} from '../logical/logical-plan.ts';
import { walkPlan } from '../logical/plan-children.ts';
import { rowsOf } from './estimate.ts';
import { findFilterSource, type FilterSource } from './filter-source.ts';
import { findFilterTargets, type FilterTarget } from './filter-targets.ts';
import { isVolatileOperator } from './operator-expressions.ts';
import { type PhysicalPlan, type Stage, type StageIndex } from './physical-plan.ts';

export interface DynamicFilterPlan {
  /** By the stage whose tasks collect. */
  readonly collectedKeys: ReadonlyMap<StageIndex, readonly CollectedKey[]>;
  readonly filteredColumns: ReadonlyMap<ScanId, readonly FilteredColumn[]>;
}

export const NO_DYNAMIC_FILTERS: DynamicFilterPlan = {
  collectedKeys: new Map(),
  filteredColumns: new Map(),
};

/** A filter pays when it is made of fewer rows than the scan has; of far fewer, where nothing has thinned them out. */
const LEAST_RATIO = 2;
const LEAST_RATIO_OF_ALL_ROWS = 20;
/** Each filter is a test of every row. */
const MAX_FILTERS_OF_SCAN = 4;
/** Bloom filters of one stage travel in one report. */
const MAX_BLOOM_BITS_OF_STAGE = 1 << 23;
/** More rows than these have too many values to be told one by one. */
const MAX_VALUE_ROWS = MAX_TASK_VALUES;

/** Rows of this side without a match are not in the result, nor do they change it. */
const LEFT_IS_FILTERED: ReadonlySet<JoinType> = new Set([
  'inner',
  'right',
  'semi',
  'right-semi',
  'right-anti',
]);
const RIGHT_IS_FILTERED: ReadonlySet<JoinType> = new Set([
  'inner',
  'left',
  'single',
  'semi',
  'anti',
  'right-semi',
]);

/** Types whose equal values have equal `hash()`es, whatever their bytes. */
const KEY_TYPES: ReadonlySet<ColumnType['id']> = new Set([
  'TINYINT',
  'SMALLINT',
  'INTEGER',
  'BIGINT',
  'HUGEINT',
  'UTINYINT',
  'USMALLINT',
  'UINTEGER',
  'UBIGINT',
  'UHUGEINT',
  'FLOAT',
  'DOUBLE',
  'DECIMAL',
  'DATE',
  'TIME',
  'TIMESTAMP',
  'TIMESTAMP_S',
  'TIMESTAMP_MS',
  'TIMESTAMP_NS',
  'TIMESTAMP WITH TIME ZONE',
  'VARCHAR',
  'BLOB',
  'UUID',
]);

export function placeDynamicFilters(plan: PhysicalPlan): DynamicFilterPlan {
  const filters = new FilterPlacement();
  for (const stage of plan.stages) {
    for (const node of walkPlan(stage.body)) {
      if (node.kind === 'join') placeFiltersOfJoin(plan, stage, { join: node, filters });
    }
  }
  return filters.finish();
}

interface JoinFilters {
  readonly join: Join;
  readonly filters: FilterPlacement;
}

function placeFiltersOfJoin(
  plan: PhysicalPlan,
  stage: Stage,
  { join, filters }: JoinFilters,
): void {
  const filtered = filteredSide(join);
  if (filtered === undefined || isVolatileOperator(join)) return;
  const collected = filtered === 'left' ? 'right' : 'left';
  for (const condition of join.conditions.filter(isFilterable)) {
    const source = findFilterSource(plan, stage, {
      side: join[collected],
      key: condition[collected],
    });
    if (source === undefined) continue;
    const targets = findFilterTargets(plan, stage, {
      side: join[filtered],
      key: condition[filtered],
    });
    const keepsNulls = condition.operator !== '=';
    for (const target of targets) filters.add(source, { ...target, keepsNulls });
  }
}

/** The side with more rows, if its rows without a match do not matter; else the other, on the same terms. */
function filteredSide({ joinType, left, right }: Join): 'left' | 'right' | undefined {
  const isLeftLarger = rowsOf(left) >= rowsOf(right);
  if (isLeftLarger && LEFT_IS_FILTERED.has(joinType)) return 'left';
  if (RIGHT_IS_FILTERED.has(joinType)) return 'right';
  return LEFT_IS_FILTERED.has(joinType) ? 'left' : undefined;
}

function isFilterable({ operator, left, right }: JoinCondition): boolean {
  const { type } = left;
  if (!sameColumnType(type, right.type) || !KEY_TYPES.has(type.id)) return false;
  const isFloat = type.id === 'FLOAT' || type.id === 'DOUBLE';
  return operator === '=' || (operator === 'IS NOT DISTINCT FROM' && !isFloat);
}

interface PlacedFilter {
  readonly filterId: FilterId;
  readonly source: FilterSource;
  /** Some scan tests its rows by it. */
  testsRows: boolean;
}

type PlacedColumn = Omit<FilteredColumn, 'isAwaited'>;

/** Gives each source one filter, whoever uses it. */
class FilterPlacement {
  readonly #filters = new Map<string, PlacedFilter>();
  readonly #columns = new Map<ScanId, PlacedColumn[]>();

  add(source: FilterSource, target: FilterTarget & { readonly keepsNulls: boolean }): void {
    const ratio = source.isReduced ? LEAST_RATIO : LEAST_RATIO_OF_ALL_ROWS;
    if (source.estimatedRows * ratio > target.estimatedRows) return;
    // The join itself tests the rows of its own stage, at once and better: only few values rule out whole row groups.
    const testsRows = target.isBehindExchange;
    if (!testsRows && !hasFewValues(source)) return;
    // Behind a join with about as many rows by the same column there is little left to test.
    if (testsRows && target.joinedRows <= source.estimatedRows * LEAST_RATIO) return;
    const ofScan = this.#columns.get(target.scanId) ?? [];
    if (ofScan.length >= MAX_FILTERS_OF_SCAN) return;
    const { filterId } = this.#filterOf(source, testsRows);
    const { column, keepsNulls } = target;
    if (ofScan.some((each) => each.filterId === filterId && each.column === column)) return;
    ofScan.push({ filterId, column, type: source.type, keepsNulls, testsRows });
    this.#columns.set(target.scanId, ofScan);
  }

  finish(): DynamicFilterPlan {
    const collectedKeys = new Map<StageIndex, CollectedKey[]>();
    const withBloom = new Set<FilterId>();
    for (const { filterId, source, testsRows } of this.#filters.values()) {
      const { producers, column, type } = source;
      const bloomBits = testsRows ? bloomBitsOf(source, collectedKeys) : 0;
      const collectsValues = hasFewValues(source);
      if (bloomBits > 0) withBloom.add(filterId);
      for (const producer of producers) {
        const ofStage = collectedKeys.get(producer) ?? [];
        ofStage.push({ filterId, column, type, bloomBits, collectsValues });
        collectedKeys.set(producer, ofStage);
      }
    }
    // Bounds of many keys are worth having, not waiting for; a join's own stage waits for its input anyway.
    const isAwaited = ({ filterId, testsRows }: PlacedColumn): boolean =>
      !testsRows || withBloom.has(filterId);
    const filteredColumns = [...this.#columns].map(([scanId, columns]) => {
      const awaited = columns.map((column) => ({ ...column, isAwaited: isAwaited(column) }));
      return [scanId, awaited] as const;
    });
    return { collectedKeys, filteredColumns: new Map(filteredColumns) };
  }

  #filterOf(source: FilterSource, testsRows: boolean): PlacedFilter {
    const name = JSON.stringify([source.producers, source.column, source.type]);
    const filterId = this.#filters.size as FilterId;
    const filter = this.#filters.get(name) ?? { filterId, source, testsRows: false };
    filter.testsRows ||= testsRows;
    this.#filters.set(name, filter);
    return filter;
  }
}

function hasFewValues({ type, estimatedRows }: FilterSource): boolean {
  return estimatedRows <= MAX_VALUE_ROWS && keyFormOf(type) !== 'opaque';
}

function bloomBitsOf(
  { producers, estimatedRows }: FilterSource,
  collectedKeys: ReadonlyMap<StageIndex, readonly CollectedKey[]>,
): number {
  const bits = bloomBitsFor(estimatedRows);
  const taken = producers.map((producer) =>
    (collectedKeys.get(producer) ?? []).reduce((sum, key) => sum + key.bloomBits, 0),
  );
  return Math.max(...taken) + bits > MAX_BLOOM_BITS_OF_STAGE ? 0 : bits;
}
