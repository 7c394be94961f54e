/**
 * The catalog `system` in a planning instance. DuckDB has a catalog of that name for itself, in which nothing can be made:
 * so our tables stand in another one, and a statement that names them is respelled before it is bound. The other name
 * has the same length, so that positions of errors hold.
 */
import {
  BIGINT,
  DOUBLE,
  type DuckDBConnection,
  DuckDBTableFunction,
  type DuckDBType,
  TIMESTAMPTZ,
  VARCHAR,
} from '@duckdb/node-api';
import { type CellTypeId } from '../../common/page/row-pages.ts';
import { quoteIdentifier, quoteString } from '../../common/plan/column-type.ts';
import {
  findSystemTable,
  SYSTEM_CATALOG,
  SYSTEM_TABLE_NAMES,
  systemColumns,
  type SystemTableName,
} from '../../common/system/system-tables.ts';
import { SYSTEM_ROWS } from '../import/decode-scan.ts';
import { isJsonArray, isJsonObject, type Json } from '../import/json-reader.ts';
import { type TableReference } from '../import/parsed-statement.ts';

/** Where our tables stand; no other catalog may be called so. */
export const SYSTEM_MIRROR = '_skein';

const TYPES: Readonly<Record<CellTypeId, DuckDBType>> = {
  VARCHAR,
  BIGINT,
  DOUBLE,
  'TIMESTAMP WITH TIME ZONE': TIMESTAMPTZ,
};

/** Makes the tables known; before the lock-down. Their rows are the coordinator's: here there are none to be had. */
export async function mirrorSystemTables(connection: DuckDBConnection): Promise<void> {
  connection.registerTableFunction(
    DuckDBTableFunction.create({
      name: SYSTEM_ROWS,
      parameterTypes: [VARCHAR],
      bindFunction: (info) => {
        const table = findSystemTable(String(info.getParameter(0)));
        if (table === undefined) throw new Error('there is no such system table');
        for (const { name, type } of systemColumns(table)) {
          info.addResultColumn(name, TYPES[type.id]);
        }
      },
      initFunction: () => undefined,
      mainFunction: (_info, output) => {
        output.rowCount = 0;
      },
    }),
  );
  await connection.run(`ATTACH ':memory:' AS ${quoteIdentifier(SYSTEM_MIRROR)}`);
  for (const table of SYSTEM_TABLE_NAMES) {
    const view = [SYSTEM_MIRROR, 'main', table].map(quoteIdentifier).join('.');
    await connection.run(`CREATE VIEW ${view} AS FROM ${SYSTEM_ROWS}(${quoteString(table)})`);
  }
}

/** `system`, `system.main` as a statement names a catalog. */
export function isSystemCatalog(names: {
  readonly catalog: string;
  readonly schema: string;
}): boolean {
  const [catalog, schema] = [names.catalog.toLowerCase(), names.schema.toLowerCase()];
  if (catalog === '') return schema === SYSTEM_CATALOG;
  return catalog === SYSTEM_CATALOG && (schema === '' || schema === 'main');
}

/** The table of ours that a respelled statement means. */
export function systemTableOf({
  catalog,
  schema,
  table,
}: TableReference): SystemTableName | undefined {
  const qualifier = [catalog, schema]
    .filter((part) => part !== '')
    .map((part) => part.toLowerCase());
  const [first, second = 'main', ...others] = qualifier;
  const isOurs = first === SYSTEM_MIRROR && second === 'main' && others.length === 0;
  return isOurs ? findSystemTable(table) : undefined;
}

/** The statement with our tables under the name by which DuckDB finds them; the same text when it names none. */
export function respellSystemTables(sql: string, document: Json): string {
  const names = [...namesIn(document)];
  const tables = new Set(names.filter(({ isColumn }) => !isColumn).map(({ table }) => table));
  if (tables.size === 0) return sql;
  const bytes = Buffer.from(sql, 'utf8');
  for (const { table, place } of names) {
    const at = bytes[place] === QUOTE ? place + 1 : place;
    const found = bytes.toString('latin1', at, at + SYSTEM_CATALOG.length);
    const isOurs = tables.has(table) && found.toLowerCase() === SYSTEM_CATALOG;
    if (isOurs) bytes.write(SYSTEM_MIRROR, at, 'latin1');
  }
  return bytes.toString('utf8');
}

const QUOTE = 0x22;

/** A name that begins with the catalog: of a table, or of a column that is qualified in full. */
interface SystemName {
  readonly table: SystemTableName;
  readonly isColumn: boolean;
  /** Offset in bytes of UTF-8. */
  readonly place: number;
}

function* namesIn(value: Json): Generator<SystemName> {
  if (isJsonArray(value)) {
    for (const item of value) yield* namesIn(item);
    return;
  }
  if (!isJsonObject(value)) return;
  const place = value['query_location'];
  const isColumn = isJsonArray(value['column_names']);
  const table = tableNamedBy(isColumn ? columnPath(value) : tablePath(value));
  const isPlace = typeof place === 'number' || typeof place === 'bigint';
  if (table !== undefined && isPlace) yield { table, isColumn, place: Number(place) };
  for (const item of Object.values(value)) yield* namesIn(item);
}

/** `system.table` and `system.main.table`. */
function tableNamedBy(path: readonly string[]): SystemTableName | undefined {
  const [catalog, ...others] = path.map((part) => part.toLowerCase());
  if (catalog !== SYSTEM_CATALOG) return undefined;
  const [first = '', second] = others;
  const isDirect = second === undefined;
  return isDirect || first === 'main' ? findSystemTable(second ?? first) : undefined;
}

function tablePath(node: Readonly<Record<string, Json>>): readonly string[] {
  if (node['type'] !== 'BASE_TABLE') return [];
  return texts([node['catalog_name'], node['schema_name'], node['table_name']]);
}

/** Without the column itself. */
function columnPath(node: Readonly<Record<string, Json>>): readonly string[] {
  const names = node['column_names'];
  return isJsonArray(names) ? texts(names).slice(0, -1) : [];
}

function texts(values: readonly (Json | undefined)[]): readonly string[] {
  return values.filter((part) => typeof part === 'string').filter((part) => part !== '');
}
