import type { ShareTerms } from './sharing-policy.ts';

/** Where a query stands among others, for whoever shares something out among their tasks. */
export interface QueryShare {
  /** Rises with every query of a coordinator. */
  readonly arrival: number;
  readonly priority: number;
  /** What its resource groups are among their siblings, the outermost first. */
  readonly groups: readonly ShareTerms[];
}

/** Of one that shares with nobody. */
export const SOLE_SHARE: QueryShare = { arrival: 0, priority: 0, groups: [] };
