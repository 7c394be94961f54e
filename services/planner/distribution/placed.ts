import { type ColumnType } from '../../common/plan/column-type.ts';
import { type LogicalPlan, type RemoteId } from '../logical/logical-plan.ts';
import { type Layout } from './layout.ts';
import { type HashKey } from './partitioning.ts';

/**
 * A subtree as far as it is placed: branches that each run in a stage which may still grow upwards. More than one
 * branch is a UNION ALL that nobody has had to bring together yet; all have the same column types.
 */
export interface Placed {
  readonly branches: readonly Branch[];
}

/** Operators of one stage that is not closed yet. */
export interface Branch {
  readonly body: LogicalPlan;
  readonly location: Location;
  /** No consumer needs more rows of a task than this. */
  readonly rowLimit?: number;
}

/** Where the rows of a branch are. */
export type Location =
  /** Constants: the same rows wherever the body runs, so it may run in any stage, and in several. */
  | { readonly kind: 'anywhere' }
  | { readonly kind: 'single' }
  /** In the tasks that read the body's scan. */
  | { readonly kind: 'source' }
  /** In a fixed number of tasks; no keys = nothing is known of which row is where. */
  | { readonly kind: 'hash'; readonly keys: readonly HashKey[] }
  /** In the tasks that read the parts of the body's scans; keys as of `hash`. */
  | { readonly kind: 'layout'; readonly layout: Layout; readonly keys: readonly HashKey[] }
  | { readonly kind: 'arbitrary' }
  /**
   * In a shared stage, behind the input `remoteId` whose exchange the first consumer with a wish chooses. The body
   * is that input, below filters and projections at most.
   */
  | { readonly kind: 'pending'; readonly remoteId: RemoteId };

export const ANYWHERE: Location = { kind: 'anywhere' };
export const SINGLE: Location = { kind: 'single' };
export const SOURCE: Location = { kind: 'source' };
export const ARBITRARY: Location = { kind: 'arbitrary' };

/** The location behind an operator, by what becomes of its delivered keys. */
export function withKeys(
  location: Location,
  change: (keys: readonly HashKey[]) => readonly HashKey[],
): Location {
  const hasKeys = location.kind === 'hash' || location.kind === 'layout';
  return hasKeys ? { ...location, keys: change(location.keys) } : location;
}

/** What is known of the task that holds a row. */
export function deliveredKeys(branch: Branch | undefined): readonly HashKey[] {
  const location = branch?.location;
  return location?.kind === 'hash' || location?.kind === 'layout' ? location.keys : [];
}

export function placedAt(body: LogicalPlan, location: Location): Placed {
  return { branches: [{ body, location }] };
}

export function columnsOf(placed: Placed): readonly ColumnType[] {
  return firstBranch(placed).body.columns;
}

function firstBranch(placed: Placed): Branch {
  const [branch] = placed.branches;
  if (branch === undefined) throw new Error('a placed subtree has a branch');
  return branch;
}

/** The branch of a subtree that has only one. */
export function onlyBranch(placed: Placed): Branch | undefined {
  return placed.branches.length === 1 ? placed.branches[0] : undefined;
}

/** Whether all rows are in one task, or may be put there without an exchange. */
export function isLocal(placed: Placed): boolean {
  return placed.branches.every(({ location }) => isLocalKind(location));
}

function isLocalKind(location: Location): boolean {
  return location.kind === 'single' || location.kind === 'anywhere';
}
