/** Runs statements through a gateway and reads their results as texts, for comparison with plain DuckDB. */
import { type RecordBatch, RecordBatchReader } from 'apache-arrow';
import { rowsOf } from '../../services/cli/format/batch-rows.ts';
import { cellText } from '../../services/cli/format/cell.ts';
import { systemClock } from '../../services/common/system-clock.ts';
import { runStatement } from '../../services/cli/sql/run-statement.ts';
import type { QueryClient } from '../../services/cli/sql/query-client.ts';

export interface TextResult {
  readonly queryId: string;
  readonly columnNames: readonly string[];
  /** As DuckDB's cast to VARCHAR writes them; NULL is null. */
  readonly rows: readonly (readonly (string | null)[])[];
}

export async function query(
  client: QueryClient,
  sql: string,
  sessionProperties: Readonly<Record<string, string>> = {},
): Promise<TextResult> {
  const rows: (readonly (string | null)[])[] = [];
  let columnNames: readonly string[] = [];
  let queryId = '';
  await runStatement(
    {
      client,
      submit: { sql, sessionDefaults: sessionProperties, session: new Uint8Array(), requestId: '' },
      sink: async (bytes) => {
        const reader = await RecordBatchReader.from(bytes);
        await reader.open();
        columnNames = reader.schema.fields.map((field) => field.name);
        for await (const batch of reader) rows.push(...textRows(batch));
      },
      clock: systemClock,
      onSubmitted: (id) => (queryId = id),
    },
    new AbortController().signal,
  );
  return { queryId, columnNames, rows };
}

function textRows(batch: RecordBatch): (string | null)[][] {
  return rowsOf(batch).map((row) =>
    row.map((cell) => (cell.kind === 'null' ? null : cellText(cell))),
  );
}
