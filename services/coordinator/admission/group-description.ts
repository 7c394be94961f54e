/** What people and workers are told of resource groups. */
import { compareText } from '../../common/compare-text.ts';
import type { QueryId } from '../../common/ids.ts';
import type { ShareTerms } from '../../common/sharing/sharing-policy.ts';
import type { AdmissionState } from './admission-state.ts';
import { lineOf, nameOf, termsOf } from './admission-state.ts';
import { queryOf } from './next-query.ts';
import type { ResourceGroup } from './resource-group-tree.ts';

export interface GroupDescription {
  /** `root`, or that and the names from below it, parted by dots. */
  readonly path: string;
  readonly running: number;
  readonly queued: number;
  readonly memoryBytes: number;
  /** Since it is there, less what has come back of its quota. */
  readonly cpuMs: number;
  readonly terms: ResourceGroup;
}

/** In the order of their paths. */
export function describeGroups(state: AdmissionState): readonly GroupDescription[] {
  return Object.values(state.groups)
    .toSorted((a, b) => compareText(a.path, b.path))
    .map((group) => {
      const { path, running, queued, memoryBytes, cpuMs } = group;
      return { path, running, queued, memoryBytes, cpuMs, terms: termsOf(state, group) };
    });
}

/** What the groups that the query is in are among their siblings, the outermost first. */
export function shareOf(state: AdmissionState, queryId: QueryId): readonly ShareTerms[] {
  return lineOf(state, queryOf(state, queryId).group)
    .toReversed()
    .map((group) => {
      const { policy, weight, minShare, priority } = termsOf(state, group);
      return { name: nameOf(group), policy, weight, minShare, priority };
    });
}
