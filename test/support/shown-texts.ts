/** What the command shows of a result, and what DuckDB would. */
import { tableFromIPC } from 'apache-arrow';
import { rowsOf } from '../../services/cli/format/batch-rows.ts';
import { type Cell, cellText } from '../../services/cli/format/cell.ts';
import { encodeSchemaMessage, END_OF_STREAM } from '../../services/common/page/schema-message.ts';
import type { PageFixture } from './page-fixture.ts';

export type Texts = readonly (readonly (string | null)[])[];

/** So that long results have several pages. */
const SMALL_PAGE_BYTES = 64 * 1024;

/** The statement's result as the Arrow IPC stream that clients read. */
export async function resultStream(
  fixture: PageFixture,
  sql: string,
  timeZone = 'UTC',
): Promise<Buffer> {
  const { columns, pages } = await fixture.paginate(sql, {
    layout: 'result',
    targetPageBytes: SMALL_PAGE_BYTES,
  });
  return Buffer.concat([
    encodeSchemaMessage(columns, { timeZone }),
    ...pages.map(({ page }) => new Uint8Array(page)),
    END_OF_STREAM,
  ]);
}

export function streamRows(stream: Uint8Array): readonly (readonly Cell[])[] {
  return tableFromIPC(stream).batches.flatMap(rowsOf);
}

/** The cells of the statement's result as the command shows them. */
export async function shownTexts(
  fixture: PageFixture,
  sql: string,
  timeZone?: string,
): Promise<Texts> {
  return streamRows(await resultStream(fixture, sql, timeZone)).map((row) =>
    row.map((cell) => (cell.kind === 'null' ? null : cellText(cell))),
  );
}

/** DuckDB's casts to VARCHAR, as their bytes: its client drops a byte order mark. */
export async function duckdbTexts(fixture: PageFixture, sql: string): Promise<Texts> {
  const names = (await fixture.columnsOf(sql)).map((_, index) => `c${index}`).join(', ');
  const rows = await fixture.texts(`SELECT hex(COLUMNS(*)::VARCHAR) FROM (${sql}) t(${names})`);
  return rows.map((row) =>
    row.map((hex) => (hex === null ? null : Buffer.from(hex, 'hex').toString('utf8'))),
  );
}
