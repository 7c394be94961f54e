import { EngineError } from '../../common/error.ts';
import type { Query } from './query.ts';
import type { QueryReport } from './query-report.ts';

export interface PageRequest {
  /** At most so many; 0 = 100; at most 1000. */
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
/** A page with more is closed, so that it fits a message that any client takes (method-limits.ts). */
const MAX_PAGE_BYTES = 2 * 1024 * 1024;
/** A list shows what a statement is about. */
const MAX_LISTED_SQL_LENGTH = 4_096;

/** One page of these queries, newest first; `queries` is in the order of submission. */
export function listPage(queries: readonly Query[], page: PageRequest): QueryPage {
  const size = Math.min(page.pageSize === 0 ? DEFAULT_PAGE_SIZE : page.pageSize, MAX_PAGE_SIZE);
  const before = page.pageToken === '' ? Number.POSITIVE_INFINITY : sequenceOf(page.pageToken);
  const found = queries.filter((query) => query.traits.sequence < before).toReversed();
  const shown: QueryReport[] = [];
  let bytes = 0;
  for (const query of found.slice(0, size)) {
    const report = withShortSql(query.report());
    bytes += maxBytesOf(report);
    if (shown.length > 0 && bytes > MAX_PAGE_BYTES) break;
    shown.push(report);
  }
  const last = found[shown.length - 1];
  const hasMore = found.length > shown.length && last !== undefined;
  return { queries: shown, nextPageToken: hasMore ? String(last.traits.sequence) : '' };
}

function withShortSql(report: QueryReport): QueryReport {
  const { sql } = report;
  if (sql.length <= MAX_LISTED_SQL_LENGTH) return report;
  return { ...report, sql: `${sql.slice(0, MAX_LISTED_SQL_LENGTH)}…` };
}

const MAX_BYTES_PER_CHARACTER = 3;
/** Numbers, names and times. */
const OVERHEAD_BYTES = 512;
const STAGE_BYTES = 256;

/** At least what the report takes on the wire. */
function maxBytesOf({ sql, error, rungReason, stages, ...report }: QueryReport): number {
  const { resourceGroup, admissionWait } = report;
  const texts = [sql, rungReason, error?.message ?? '', resourceGroup, admissionWait?.group ?? ''];
  texts.push(...Object.entries(error?.details ?? {}).flat());
  const characters = texts.reduce((sum, text) => sum + text.length, 0);
  return OVERHEAD_BYTES + STAGE_BYTES * stages.length + MAX_BYTES_PER_CHARACTER * characters;
}

/** A page token is the number of the last query on its page: it stays good when queries are forgotten. */
function sequenceOf(pageToken: string): number {
  if (/^\d{1,15}$/.test(pageToken)) return Number(pageToken);
  throw new EngineError('INVALID_REQUEST', 'page_token is not one of this service', {
    details: { field: 'page_token' },
  });
}
