/**
 * Admission of queries, as one pure step: what has happened goes in, who begins, waits or is refused comes out.
 *
 *   submitted ─▶ queued ─▶ running ─▶ finished
 *        └─▶ refused
 *
 * I91: no group lets a query begin while as many run as it allows. I92: who waits is held up by a group of its line, which
 * `whyWaits` names. I90: of queries that nothing holds up but others, one that p queries have waited longer than is among the
 * next 16·(p + 1) that begin.
 */
import { assertNever } from '../../common/assert.ts';
import type { Instant, QueryId } from '../../common/ids.ts';
import {
  dropEmptyGroups,
  ensureGroup,
  groupAt,
  lineOf,
  plantGroups,
  termsOf,
} from './admission-state.ts';
import type { AdmissionState, AdmittedQuery } from './admission-state.ts';
import type { QueryMarks } from './group-selection.ts';
import { selectGroup } from './group-selection.ts';
import { queryOf, takeNextQuery } from './next-query.ts';
import type { ResourceGroupTree } from './resource-group-tree.ts';
import { ROOT_NAME } from './resource-group-tree.ts';

export type AdmissionEvent =
  | {
      readonly kind: 'submitted';
      readonly queryId: QueryId;
      /** Greater than that of all before. */
      readonly arrival: number;
      readonly priority: number;
      readonly marks: QueryMarks;
    }
  /** It needs its place no more, running or waiting; twice is harmless. `cpuMs`: all that it took. */
  | { readonly kind: 'finished'; readonly queryId: QueryId; readonly cpuMs: number }
  /** What running queries use now, and have used; maybe of none, for time has passed too. */
  | { readonly kind: 'usage'; readonly usages: readonly QueryUsage[] }
  | { readonly kind: 'reloaded'; readonly tree: ResourceGroupTree };

export interface QueryUsage {
  readonly queryId: QueryId;
  readonly memoryBytes: number;
  readonly cpuMs: number;
}

export type Refusal =
  | { readonly kind: 'queue-full'; readonly group: string; readonly maxQueued: number }
  | { readonly kind: 'no-group' };

export type AdmissionDecision =
  | { readonly kind: 'admit'; readonly queryId: QueryId }
  | { readonly kind: 'queue'; readonly queryId: QueryId }
  | { readonly kind: 'refuse'; readonly queryId: QueryId; readonly refusal: Refusal };

/** Changes the state; the decisions follow from the event alone. A query that was submitted is the last of them. */
export function onAdmissionEvent(
  state: AdmissionState,
  event: AdmissionEvent,
  now: Instant,
): readonly AdmissionDecision[] {
  replenish(state, now);
  switch (event.kind) {
    case 'submitted':
      return submit(state, event);
    case 'finished':
      finish(state, event);
      return admitAll(state);
    case 'usage':
      for (const usage of event.usages) noteUsage(state, usage);
      dropEmptyGroups(state);
      return admitAll(state);
    case 'reloaded':
      return reload(state, event.tree);
    default:
      return assertNever(event);
  }
}

/** Processor time comes back evenly, all of a group's quota in one period. */
function replenish(state: AdmissionState, now: Instant): void {
  const elapsedMs = Math.max(0, now - state.at);
  state.at = now;
  for (const group of Object.values(state.groups)) {
    const { hardCpuMs } = termsOf(state, group);
    if (hardCpuMs === null) continue;
    const returned = (elapsedMs * hardCpuMs) / state.tree.cpuQuotaPeriodMs;
    group.cpuMs = Math.max(0, group.cpuMs - returned);
  }
}

function submit(
  state: AdmissionState,
  { queryId, arrival, priority, marks }: Extract<AdmissionEvent, { readonly kind: 'submitted' }>,
): readonly AdmissionDecision[] {
  const selected = selectGroup(state.tree, marks);
  if (selected === undefined) return [{ kind: 'refuse', queryId, refusal: { kind: 'no-group' } }];
  const group = ensureGroup(state, selected);
  place(state, {
    queryId,
    arrival,
    priority,
    marks,
    group,
    isRunning: false,
    memoryBytes: 0,
    cpuMs: 0,
  });
  const admitted = admitAll(state);
  if (queryOf(state, queryId).isRunning) return admitted;
  const full = fullGroup(state, group);
  if (full === undefined) return [...admitted, { kind: 'queue', queryId }];
  remove(state, queryId);
  dropEmptyGroups(state);
  return [...admitted, { kind: 'refuse', queryId, refusal: { kind: 'queue-full', ...full } }];
}

/** The outermost group of the line with more waiting than it takes. */
function fullGroup(
  state: AdmissionState,
  path: string,
): { readonly group: string; readonly maxQueued: number } | undefined {
  for (const group of lineOf(state, path).toReversed()) {
    const { maxQueued } = termsOf(state, group);
    if (maxQueued !== null && group.queued > maxQueued) return { group: group.path, maxQueued };
  }
  return undefined;
}

/** Lets begin who can, one after the other. */
function admitAll(state: AdmissionState): AdmissionDecision[] {
  const decisions: AdmissionDecision[] = [];
  for (;;) {
    const queryId = takeNextQuery(state);
    if (queryId === undefined) return decisions;
    const query = queryOf(state, queryId);
    remove(state, queryId);
    place(state, { ...query, isRunning: true });
    decisions.push({ kind: 'admit', queryId });
  }
}

/** Into its group, as one that runs or waits. */
function place(state: AdmissionState, query: AdmittedQuery): void {
  state.queries[query.queryId] = query;
  const line = lineOf(state, query.group);
  if (!query.isRunning) line[0]?.queue.push(query.queryId);
  for (const group of line) {
    group[query.isRunning ? 'running' : 'queued'] += 1;
    group.memoryBytes += query.memoryBytes;
  }
}

/** Out of its group; what it has used of processor time stays. */
function remove(state: AdmissionState, queryId: QueryId): void {
  const { group: path, isRunning, memoryBytes } = queryOf(state, queryId);
  delete state.queries[queryId];
  const { queue } = groupAt(state, path);
  if (!isRunning) queue.splice(queue.indexOf(queryId), 1);
  for (const group of lineOf(state, path)) {
    group[isRunning ? 'running' : 'queued'] -= 1;
    group.memoryBytes -= memoryBytes;
  }
}

function finish(
  state: AdmissionState,
  { queryId, cpuMs }: Extract<AdmissionEvent, { readonly kind: 'finished' }>,
): void {
  if (state.queries[queryId] === undefined) return;
  noteUsage(state, { queryId, memoryBytes: 0, cpuMs });
  remove(state, queryId);
  dropEmptyGroups(state);
}

/** Processor time only grows; a report that is late takes nothing back. */
function noteUsage(state: AdmissionState, { queryId, memoryBytes, cpuMs }: QueryUsage): void {
  const query = state.queries[queryId];
  if (query === undefined) return;
  const more = Math.max(0, cpuMs - query.cpuMs);
  for (const group of lineOf(state, query.group)) {
    group.memoryBytes += memoryBytes - query.memoryBytes;
    group.cpuMs += more;
  }
  query.memoryBytes = memoryBytes;
  query.cpuMs += more;
}

/**
 * Each query goes where the new tree has it. One that runs and belongs nowhere now is counted at the root; one that waits is
 * refused then. Groups that are still there keep what they have had, and what they owe, whether or not anybody is in them.
 */
function reload(state: AdmissionState, tree: ResourceGroupTree): readonly AdmissionDecision[] {
  const before = state.groups;
  const queries = Object.values(state.queries).toSorted((a, b) => a.arrival - b.arrival);
  state.tree = tree;
  plantGroups(state);
  const decisions: AdmissionDecision[] = [];
  for (const query of queries) {
    const { queryId, isRunning } = query;
    const selected = selectGroup(tree, query.marks);
    delete state.queries[queryId];
    if (selected === undefined && !isRunning) {
      decisions.push({ kind: 'refuse', queryId, refusal: { kind: 'no-group' } });
      continue;
    }
    const group = selected === undefined ? ROOT_NAME : ensureGroup(state, selected);
    place(state, { ...query, group });
  }
  for (const old of Object.values(before)) {
    if (!hasGroup(tree, old.templates)) continue;
    const names = old.path.split('.').slice(1);
    const group = groupAt(state, ensureGroup(state, { templates: old.templates, names }));
    group.cpuMs = old.cpuMs;
    Object.assign(group.shared, old.shared);
    Object.assign(group.turns, old.turns);
  }
  dropEmptyGroups(state);
  return [...decisions, ...admitAll(state)];
}

function hasGroup({ root }: ResourceGroupTree, templates: readonly string[]): boolean {
  let groups = root.groups;
  for (const name of templates) {
    const group = groups.find((each) => each.name === name);
    if (group === undefined) return false;
    groups = group.groups;
  }
  return true;
}
