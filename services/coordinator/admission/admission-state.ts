/**
 * The state of admission: groups as far as somebody is or was in them, and the queries. Plain data that survives JSON; changed
 * only by admission-events.ts.
 */
import { assert } from '../../common/assert.ts';
import type { Instant, QueryId } from '../../common/ids.ts';
import { newSharedTurns } from '../../common/sharing/sharing-policy.ts';
import type { SharedTurns, TurnsTaken } from '../../common/sharing/sharing-policy.ts';
import type { QueryMarks, SelectedGroup } from './group-selection.ts';
import { templateValues } from './group-selection.ts';
import type { ResourceGroup, ResourceGroupTree } from './resource-group-tree.ts';
import { ROOT_NAME } from './resource-group-tree.ts';

export interface AdmissionState {
  tree: ResourceGroupTree;
  /** By path, parents before their children. */
  groups: Record<string, GroupState>;
  readonly queries: Record<string, AdmittedQuery>;
  /** Up to when processor time has come back. */
  at: Instant;
}

export interface GroupState {
  /** `root`, or that and the names from below it, parted by dots. */
  readonly path: string;
  /** From below the root, as the tree has them. */
  readonly templates: readonly string[];
  /** Of all below it. */
  running: number;
  queued: number;
  memoryBytes: number;
  /** Processor time of its queries since it is there, less what has come back of its quota. */
  cpuMs: number;
  /** Queries of its own that wait, in the order of arrival. */
  readonly queue: QueryId[];
  readonly children: string[];
  readonly shared: SharedTurns;
  readonly turns: TurnsTaken;
}

export interface AdmittedQuery {
  readonly queryId: QueryId;
  /** Rises with every query. */
  readonly arrival: number;
  readonly priority: number;
  readonly marks: QueryMarks;
  group: string;
  isRunning: boolean;
  memoryBytes: number;
  cpuMs: number;
}

/** What holds up a group's queries. */
export type WaitFactor = 'concurrency' | 'memory' | 'cpu';

/** Why a query waits: this group of its line lets no more begin. */
export interface AdmissionWait {
  readonly group: string;
  readonly factor: WaitFactor;
}

export function createAdmission(tree: ResourceGroupTree, now: Instant): AdmissionState {
  const state: AdmissionState = { tree, groups: {}, queries: {}, at: now };
  plantGroups(state);
  return state;
}

/** Makes the groups that the tree names; those with `${…}` come with their first query. */
export function plantGroups(state: AdmissionState): void {
  state.groups = { [ROOT_NAME]: newGroup(ROOT_NAME, []) };
  const plant = (group: ResourceGroup, names: readonly string[]): void => {
    for (const child of group.groups) {
      if (templateValues(child.name).length > 0) continue;
      const line = [...names, child.name];
      ensureGroup(state, { templates: line, names: line });
      plant(child, line);
    }
  };
  plant(state.tree.root, []);
}

export function groupAt({ groups }: AdmissionState, path: string): GroupState {
  const group = groups[path];
  assert(group !== undefined, `there is a group ${path}`);
  return group;
}

/** The group with all that it is in, the innermost first. */
export function lineOf(state: AdmissionState, path: string): readonly GroupState[] {
  const names = path.split('.');
  return names.map((_, index) => groupAt(state, names.slice(0, names.length - index).join('.')));
}

/** The path of the group, which is made where it is not. */
export function ensureGroup(state: AdmissionState, { templates, names }: SelectedGroup): string {
  let path = ROOT_NAME;
  for (const [index, name] of names.entries()) {
    const parent = path;
    path = `${parent}.${name}`;
    if (state.groups[path] !== undefined) continue;
    groupAt(state, parent).children.push(path);
    state.groups[path] = newGroup(path, templates.slice(0, index + 1));
  }
  return path;
}

function newGroup(path: string, templates: readonly string[]): GroupState {
  return {
    path,
    templates,
    running: 0,
    queued: 0,
    memoryBytes: 0,
    cpuMs: 0,
    queue: [],
    children: [],
    shared: newSharedTurns(),
    turns: { virtualTime: 0 },
  };
}

export function nameOf({ path }: GroupState): string {
  return path.slice(path.lastIndexOf('.') + 1);
}

/** What the operator has said of the group. */
export function termsOf({ tree }: AdmissionState, { templates }: GroupState): ResourceGroup {
  let terms = tree.root;
  for (const name of templates) {
    const next = terms.groups.find((child) => child.name === name);
    assert(next !== undefined, `the tree has a group ${templates.join('.')}`);
    terms = next;
  }
  return terms;
}

/** Groups made for a value of a query go when nothing is left in them. */
export function dropEmptyGroups(state: AdmissionState): void {
  const isKept = (group: GroupState): boolean =>
    group.running + group.queued > 0 ||
    (group.cpuMs > 0 && termsOf(state, group).hardCpuMs !== null) ||
    group.children.length > 0 ||
    group.templates.every((name) => templateValues(name).length === 0);
  for (const group of Object.values(state.groups).toReversed()) {
    if (isKept(group)) continue;
    const [, parent] = lineOf(state, group.path);
    parent?.children.splice(parent.children.indexOf(group.path), 1);
    delete state.groups[group.path];
  }
}

/** What keeps the group itself from letting one more begin; `undefined` = nothing. */
export function whatHolds(state: AdmissionState, group: GroupState): WaitFactor | undefined {
  const { hardConcurrency, ...terms } = termsOf(state, group);
  const { running } = group;
  if (hardConcurrency !== null && running >= hardConcurrency) return 'concurrency';
  const quotas = [
    { factor: 'cpu', used: group.cpuMs, soft: terms.softCpuMs, hard: terms.hardCpuMs },
    {
      factor: 'memory',
      used: group.memoryBytes,
      soft: terms.softMemoryBytes,
      hard: terms.hardMemoryBytes,
    },
  ] as const;
  return quotas.find((quota) => running >= concurrencyWithin(quota, hardConcurrency))?.factor;
}

/** Full to `soft`, none from `hard`; between them it falls evenly, and one query may always run (as Trino's). */
function concurrencyWithin(
  { used, soft, hard }: { used: number; soft: number | null; hard: number | null },
  concurrency: number | null,
): number {
  const full = concurrency ?? Infinity;
  if (hard === null) return full;
  if (used >= hard) return 0;
  if (soft === null || used <= soft) return full;
  return Math.max(1, Math.floor((full * (hard - used)) / (hard - soft)));
}

/** Why the query waits; `undefined` = it does not. */
export function whyWaits(state: AdmissionState, queryId: QueryId): AdmissionWait | undefined {
  const query = state.queries[queryId];
  if (query === undefined || query.isRunning) return undefined;
  for (const group of lineOf(state, query.group)) {
    const factor = whatHolds(state, group);
    if (factor !== undefined) return { group: group.path, factor };
  }
  return undefined;
}
