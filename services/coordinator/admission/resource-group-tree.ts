/** What an operator says of resource groups: one tree, and who belongs where. */
import type { ShareTerms } from '../../common/sharing/sharing-policy.ts';

/** A group's limits hold for all below it together. `null` = no limit of its own. */
export interface ResourceGroup extends ShareTerms {
  /** Queries that run at once. */
  readonly hardConcurrency: number | null;
  /** With more than these its siblings go first. */
  readonly softConcurrency: number | null;
  readonly maxQueued: number | null;
  /** Memory of its queries. From soft to hard ever fewer of them run at once; at hard none begins. */
  readonly softMemoryBytes: number | null;
  readonly hardMemoryBytes: number | null;
  /** Processor time in a period, likewise. It comes back evenly: all of `hardCpuMs` in one period. */
  readonly softCpuMs: number | null;
  readonly hardCpuMs: number | null;
  /** Queries are in groups without children. */
  readonly groups: readonly ResourceGroup[];
}

/** The first whose conditions all hold says where a query belongs. */
export interface GroupSelector {
  /** Whole texts have to match. Their named parts may stand in `group`. Absent = any. */
  readonly user?: string;
  readonly source?: string;
  /** The query has all of these. */
  readonly clientTags: readonly string[];
  /** Absent = any. */
  readonly statementKinds?: readonly StatementKind[];
  /** Names of groups from below the root, as they stand in the tree. Empty = the root. */
  readonly group: readonly string[];
}

export const STATEMENT_KINDS = ['select', 'explain', 'insert', 'definition', 'session'] as const;

/** What a statement is by its first words; what it is in truth the planner decides. */
export type StatementKind = (typeof STATEMENT_KINDS)[number];

export interface ResourceGroupTree {
  readonly root: ResourceGroup;
  readonly selectors: readonly GroupSelector[];
  /** `hardCpuMs` comes back in so long. */
  readonly cpuQuotaPeriodMs: number;
}

export const ROOT_NAME = 'root';
export const DEFAULT_CPU_QUOTA_PERIOD_MS = 3_600_000;

/** Limits of the root where the file has none, and of the only group where there is no file. */
export interface RootLimits {
  readonly maxRunningQueries: number;
  readonly maxQueuedQueries: number;
}

export function groupOf(name: string, changes: Partial<ResourceGroup> = {}): ResourceGroup {
  return {
    name,
    policy: 'fair',
    weight: 1,
    minShare: 0,
    priority: 0,
    hardConcurrency: null,
    softConcurrency: null,
    maxQueued: null,
    softMemoryBytes: null,
    hardMemoryBytes: null,
    softCpuMs: null,
    hardCpuMs: null,
    groups: [],
    ...changes,
  };
}

/** One group for all. */
export function defaultTree({
  maxRunningQueries,
  maxQueuedQueries,
}: RootLimits): ResourceGroupTree {
  const limits = { hardConcurrency: maxRunningQueries, maxQueued: maxQueuedQueries };
  return {
    root: groupOf(ROOT_NAME, limits),
    selectors: [{ clientTags: [], group: [] }],
    cpuQuotaPeriodMs: DEFAULT_CPU_QUOTA_PERIOD_MS,
  };
}

/** Some group is bounded by what its queries use. */
export function hasQuotas(tree: ResourceGroupTree): boolean {
  const isBounded = ({ hardMemoryBytes, hardCpuMs, groups }: ResourceGroup): boolean =>
    hardMemoryBytes !== null || hardCpuMs !== null || groups.some(isBounded);
  return isBounded(tree.root);
}
