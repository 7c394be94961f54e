/** Values of a statement's parameters: as clients send them, and as DuckDB's own client binds them. */
import { DuckDBTypeId, VARCHAR } from '@duckdb/node-api';
import type { DuckDBResultReader, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { encodeSchemaMessage, END_OF_STREAM } from '../../services/common/page/schema-message.ts';
import { quoteIdentifier } from '../../services/common/plan/column-type.ts';
import type { PageFixture } from './page-fixture.ts';

export interface ParameterValues {
  /** An Arrow IPC stream of one row. */
  readonly stream: Uint8Array;
  readonly values: Record<string, DuckDBValue>;
  readonly types: Record<string, DuckDBType>;
}

/** The values of SQL expressions, by name. */
export async function parameterValues(
  fixture: PageFixture,
  expressions: Readonly<Record<string, string>>,
): Promise<ParameterValues> {
  const names = Object.keys(expressions);
  const columns = names.map((name) => `${expressions[name]} AS ${quoteIdentifier(name)}`);
  const sql = `SELECT ${columns.join(', ')}`;
  const reader = await fixture.connection.runAndReadAll(sql);
  const byName = <T>(items: readonly T[]): Record<string, T> =>
    Object.fromEntries(names.map((name, index) => [name, items[index]!]));
  const bound = reader.columnTypes().map((type, index) => boundValue(type, reader, index));
  return {
    stream: await resultStream(fixture, sql),
    values: byName(bound.map(({ value }) => value)),
    types: byName(bound.map(({ type }) => type)),
  };
}

interface BoundValue {
  readonly value: DuckDBValue;
  readonly type: DuckDBType;
}

/** DuckDB's own client binds a BIGNUM that is printed like the one given and differs from it: it goes as text. */
function boundValue(type: DuckDBType, reader: DuckDBResultReader, index: number): BoundValue {
  const value = reader.getRows()[0]?.[index] ?? null;
  if (type.typeId !== DuckDBTypeId.BIGNUM || typeof value !== 'bigint') return { value, type };
  return { value: String(value), type: VARCHAR };
}

/** A result as clients read it. */
export async function resultStream(fixture: PageFixture, sql: string): Promise<Uint8Array> {
  const { columns, pages } = await fixture.paginate(sql, { layout: 'result' });
  const batches = pages.map(({ page }) => new Uint8Array(page));
  return Buffer.concat([encodeSchemaMessage(columns), ...batches, END_OF_STREAM]);
}
