/**
 * The query after planning.
 *
 *   starting ─▶ running ─▶ finishing ─▶ finished
 *       └──────────┴───────────┴─▶ failed
 *
 * Skips are allowed, steps back are not. A cancelled query is a failed one (USER cancel = QUERY_CANCELLED); there is no
 * other end. QUEUED and PLANNING come before there is a scheduler.
 */
import type { ErrorReport } from '../../common/error.ts';

export type QueryState =
  /** No task exists yet. */
  | { readonly kind: 'starting' }
  | { readonly kind: 'running' }
  /** All rows are computed; the client has not taken them all. */
  | { readonly kind: 'finishing' }
  | { readonly kind: 'finished' }
  | { readonly kind: 'failed'; readonly error: ErrorReport };

const ORDER: readonly QueryState['kind'][] = ['starting', 'running', 'finishing', 'finished'];

export function isQueryEnded(kind: QueryState['kind']): boolean {
  return kind === 'finished' || kind === 'failed';
}

export function canMoveQuery(from: QueryState['kind'], to: QueryState['kind']): boolean {
  if (isQueryEnded(from)) return false;
  return to === 'failed' || ORDER.indexOf(to) > ORDER.indexOf(from);
}
