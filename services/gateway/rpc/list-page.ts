import { EngineError } from '../../common/error.ts';

export interface PageRequest {
  /** At most so many; 0 = 100; at most 1000. */
  readonly pageSize: number;
  /** `nextPageToken` of the page before; empty = the first. */
  readonly pageToken: string;
}

export interface ListPage<T> {
  readonly items: readonly T[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

export interface ListOrder<T> {
  /** Unique; pages follow each other in its order. */
  readonly keyOf: (item: T) => string;
  /** About what the item takes on the wire. */
  readonly bytesOf: (item: T) => number;
}

const DEFAULT_PAGE_SIZE = 100;
const MAX_PAGE_SIZE = 1_000;
/** A page with more is closed, so that it fits a message that any client takes (method-limits.ts). */
const MAX_PAGE_BYTES = 2 * 1024 * 1024;
/** Tells a token from any other text. */
const TOKEN_PREFIX = 'after:';

/**
 * One page of the items. The token is the last key of its page, so that it stays good when items come and go.
 * @throws EngineError INVALID_REQUEST for a token that is none
 */
export function listPage<T>(
  items: readonly T[],
  { keyOf, bytesOf }: ListOrder<T>,
  page: PageRequest,
): ListPage<T> {
  const size = Math.min(page.pageSize === 0 ? DEFAULT_PAGE_SIZE : page.pageSize, MAX_PAGE_SIZE);
  const after = page.pageToken === '' ? undefined : keyOfToken(page.pageToken);
  const sorted = items.toSorted((a, b) => compare(keyOf(a), keyOf(b)));
  const found = sorted.filter((item) => after === undefined || compare(keyOf(item), after) > 0);
  const shown: T[] = [];
  let bytes = 0;
  for (const item of found.slice(0, size)) {
    bytes += bytesOf(item);
    if (shown.length > 0 && bytes > MAX_PAGE_BYTES) break;
    shown.push(item);
  }
  const last = shown.at(-1);
  const hasMore = last !== undefined && found.length > shown.length;
  return { items: shown, nextPageToken: hasMore ? tokenOf(keyOf(last)) : '' };
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function tokenOf(key: string): string {
  return Buffer.from(`${TOKEN_PREFIX}${key}`, 'utf8').toString('base64url');
}

function keyOfToken(pageToken: string): string {
  const text = Buffer.from(pageToken, 'base64url').toString('utf8');
  if (text.startsWith(TOKEN_PREFIX)) return text.slice(TOKEN_PREFIX.length);
  throw new EngineError('INVALID_REQUEST', 'page_token is not one of this service', {
    details: { field: 'page_token' },
  });
}
