import { EngineError } from '../../common/error.ts';
import type { Query } from './query.ts';
import type { QueryReport } from './query-report.ts';

export interface PageRequest {
  /** 0 = 100; at most 1000. */
  readonly pageSize: number;
  /** `nextPageToken` of the page before; empty = the first. */
  readonly pageToken: string;
}

export interface QueryPage {
  readonly queries: readonly QueryReport[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

const DEFAULT_PAGE_SIZE = 100;
const MAX_PAGE_SIZE = 1_000;

/** One page of these queries, newest first; `queries` is in the order of submission. */
export function listPage(queries: readonly Query[], page: PageRequest): QueryPage {
  const size = Math.min(page.pageSize === 0 ? DEFAULT_PAGE_SIZE : page.pageSize, MAX_PAGE_SIZE);
  const before = page.pageToken === '' ? Number.POSITIVE_INFINITY : sequenceOf(page.pageToken);
  const found = queries.filter((query) => query.traits.sequence < before).toReversed();
  const last = found[size - 1];
  const hasMore = found.length > size && last !== undefined;
  return {
    queries: found.slice(0, size).map((query) => query.report()),
    nextPageToken: hasMore ? String(last.traits.sequence) : '',
  };
}

/** A page token is the number of the last query on its page: it stays good when queries are forgotten. */
function sequenceOf(pageToken: string): number {
  if (/^\d{1,15}$/.test(pageToken)) return Number(pageToken);
  throw new EngineError('INVALID_REQUEST', 'page_token is not one of this service', {
    details: { field: 'page_token' },
  });
}
