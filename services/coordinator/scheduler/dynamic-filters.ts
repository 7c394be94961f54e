/**
 * Dynamic filters (scheduling.md §7): the domains that build tasks report are united when all of them have come, never
 * before, and go to the scans that they filter: to their split sources, and to their tasks, old and new.
 *
 *   collecting ─▶ complete          a filter without a report of every task says nothing (I34)
 *
 * Keys are collected where their rows are made, in a stage of their own before the join's. So no task waits for a
 * filter of its own making, and the extra task that T24 needs for that has no place here.
 */
import type { DynamicFilter, FilteredColumn } from '../../common/dynamic-filter/dynamic-filter.ts';
import {
  ALL_KEYS,
  domainForTasks,
  keyFormOf,
  NO_KEYS,
  unionDomains,
} from '../../common/dynamic-filter/key-domain.ts';
import type { KeyDomain, KeyForm } from '../../common/dynamic-filter/key-domain.ts';
import type { FilterId, Instant, StageId } from '../../common/ids.ts';
import type { PlanFragment } from '../../common/plan/plan-fragment.ts';
import type { TaskStatus } from '../../common/task/task-status.ts';
import { attemptsOf } from './partition-state.ts';
import { rerunsStages } from './scheduler-options.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import { findScan, stageOf } from './scheduler-state.ts';
import { producersOf } from './stage-link.ts';
import { canScheduleMoreTasks, isStageDone } from './stage-state.ts';
import type { ScanState, StageState } from './stage-state.ts';
import type { TaskState } from './task-state.ts';
import { takesSplits } from './task-state.ts';
import { draftFilter } from './turn.ts';
import type { Turn } from './turn.ts';

export interface DynamicFilterState {
  readonly filterId: FilterId;
  readonly form: KeyForm;
  /** The stages that collect; their rows together are one side of the join. */
  readonly producers: readonly StageId[];
  /** Union of what was reported so far; what the filter says once it is complete. */
  domain: KeyDomain;
  isComplete: boolean;
}

/** A filter changes once, when it is complete. */
const COMPLETE_VERSION = 1;

export function createDynamicFilters(fragments: readonly PlanFragment[]): DynamicFilterState[] {
  const filters = new Map<FilterId, DynamicFilterState & { readonly producers: StageId[] }>();
  for (const { id, collectedKeys = [] } of fragments) {
    for (const { filterId, type } of collectedKeys) {
      const form = keyFormOf(type);
      const filter = filters.get(filterId) ?? {
        filterId,
        form,
        producers: [],
        domain: NO_KEYS,
        isComplete: false,
      };
      filter.producers.push(id);
      filters.set(filterId, filter);
    }
  }
  return [...filters.values()];
}

/**
 * Takes what a task has collected, once for each filter. The version of the status does not matter: what is collected is
 * final, and an older status may be the only one that carries it.
 */
export function takeDomains(turn: Turn, task: TaskState, status: TaskStatus): void {
  for (const { filterId, domain } of status.collectedDomains ?? []) {
    const filter = turn.state.dynamicFilters.find((each) => each.filterId === filterId);
    if (filter === undefined || task.reportedFilters.includes(filterId)) continue;
    task.reportedFilters.push(filterId);
    filter.domain = unionDomains(filter.domain, domain, filter.form);
  }
}

/** Filters whose tasks have all reported go to the scans that they are for. */
export function completeFilters(turn: Turn): void {
  for (const filter of turn.state.dynamicFilters) {
    if (filter.isComplete) continue;
    const collection = collectionOf(turn.state, filter);
    if (collection === 'open') continue;
    if (collection === 'void') filter.domain = ALL_KEYS;
    filter.isComplete = true;
    for (const stage of turn.state.stages) tellStage(turn, stage, filter);
  }
}

/**
 * `whole`: every task that there will be has said what it has. `void`: nothing will follow from it, because one of them
 * cannot say what it has, or will not be asked any more.
 */
function collectionOf(
  state: QuerySchedulerState,
  { filterId, producers, domain }: DynamicFilterState,
): 'open' | 'whole' | 'void' {
  if (domain.kind === 'all') return 'void';
  const stages = producers.map((id) => stageOf(state, id));
  if (stages.some(({ kind }) => kind === 'canceled')) return 'void';
  // What is made again may have other keys.
  if (rerunsStages(state.options) && !stages.every((stage) => isRepeatable(state, stage)))
    return 'void';
  const isWhole = stages.every(
    (stage) =>
      !canScheduleMoreTasks(stage.kind) &&
      stage.partitions.every((partition) =>
        attemptsOf(stage, partition).some(({ reportedFilters }) =>
          reportedFilters.includes(filterId),
        ),
      ),
  );
  return isWhole ? 'whole' : 'open';
}

/** Another run of it, and of all that feeds it, gives the same rows. */
function isRepeatable(state: QuerySchedulerState, stage: StageState): boolean {
  if (stage.fragment.determinism !== 'deterministic') return false;
  return producersOf(state, stage).every((producer) => isRepeatable(state, producer));
}

function tellStage(turn: Turn, stage: StageState, filter: DynamicFilterState): void {
  const columns = columnsOf(stage, filter.filterId);
  if (isStageDone(stage.kind) || columns.length === 0) return;
  turn.touched.add(stage);
  if (filter.domain.kind === 'all' || !columns.some(({ testsRows }) => testsRows)) return;
  for (const task of stage.tasks) {
    if (takesSplits(task)) draftFilter(turn, { stage, task }, asUpdate(filter));
  }
}

function columnsOf(stage: StageState, filterId: FilterId): readonly FilteredColumn[] {
  return stage.fragment.scans.flatMap(({ filteredColumns = [] }) =>
    filteredColumns.filter((column) => column.filterId === filterId),
  );
}

/** What a task of this stage is told of filters with its first order. */
export function filtersOf(state: QuerySchedulerState, stage: StageState): readonly DynamicFilter[] {
  return state.dynamicFilters
    .filter(({ filterId, isComplete, domain }) => {
      if (!isComplete || domain.kind === 'all') return false;
      return columnsOf(stage, filterId).some(({ testsRows }) => testsRows);
    })
    .map(asUpdate);
}

function asUpdate({ filterId, domain }: DynamicFilterState): DynamicFilter {
  return { filterId, version: COMPLETE_VERSION, domain: domainForTasks(domain) };
}

/** What is known of a filtered column now. */
export interface ColumnDomain {
  readonly column: FilteredColumn;
  /** Position among the scan's filtered columns. */
  readonly index: number;
  readonly domain: KeyDomain;
}

export function knownDomains(
  state: QuerySchedulerState,
  stage: StageState,
  scan: ScanState,
): readonly ColumnDomain[] {
  return filteredColumnsOf(stage, scan).flatMap((column, index) => {
    const filter = state.dynamicFilters.find((each) => each.filterId === column.filterId);
    const isKnown = filter?.isComplete === true && filter.domain.kind !== 'all';
    return isKnown ? [{ column, index, domain: filter.domain }] : [];
  });
}

/**
 * Whether the scan's first splits still wait for a filter; begins the wait, which ends with the last filter, at its limit,
 * or when it would keep the filter's own stage from going on (T25).
 */
export function isAwaitingFilters(turn: Turn, stage: StageState, scan: ScanState): boolean {
  if (scan.filterWait === 'over') return false;
  const { dynamicFilterWaitMs } = turn.state.options;
  const isOpen = dynamicFilterWaitMs > 0 && lacksAwaited(turn.state, stage, scan);
  if (!isOpen) {
    scan.filterWait = 'over';
    return false;
  }
  if (scan.filterWait === 'waiting') return true;
  scan.filterWait = 'waiting';
  const { sourceId } = scan;
  const at = (turn.now + dynamicFilterWaitMs) as Instant;
  turn.effects.push({ kind: 'arm-timer', timer: { kind: 'dynamic-filter-wait', sourceId }, at });
  return true;
}

/** The limit is reached: the scan begins with what is known. */
export function onFilterWaitOver(
  turn: Turn,
  timer: { readonly sourceId: ScanState['sourceId'] },
): void {
  const found = findScan(turn.state, timer.sourceId);
  if (found === undefined) return;
  endFilterWait(turn, found.stage, found.scan);
}

export function endFilterWait(turn: Turn, stage: StageState, scan: ScanState): void {
  if (scan.filterWait !== 'waiting') return;
  scan.filterWait = 'over';
  turn.touched.add(stage);
}

/** The stages that collect the filters which a scan waits for at this moment. */
export function awaitedFilterProducers(state: QuerySchedulerState): readonly StageId[] {
  return state.stages.flatMap((stage) =>
    stage.scans
      .filter(({ filterWait, isClosed }) => filterWait === 'waiting' && !isClosed)
      .flatMap((scan) => missingFilters(state, stage, scan))
      .flatMap(({ producers }) => producers),
  );
}

function lacksAwaited(state: QuerySchedulerState, stage: StageState, scan: ScanState): boolean {
  return missingFilters(state, stage, scan).length > 0;
}

/** What the scan still waits for, or would, if it were its turn. */
export function missingFilters(
  state: QuerySchedulerState,
  stage: StageState,
  scan: ScanState,
): readonly DynamicFilterState[] {
  return filteredColumnsOf(stage, scan).flatMap(({ filterId, isAwaited }) => {
    const filter = state.dynamicFilters.find((each) => each.filterId === filterId);
    return isAwaited && filter?.isComplete === false ? filter : [];
  });
}

function filteredColumnsOf(stage: StageState, scan: ScanState): readonly FilteredColumn[] {
  const input = stage.fragment.scans.find(({ sourceId }) => sourceId === scan.sourceId);
  return input?.filteredColumns ?? [];
}
