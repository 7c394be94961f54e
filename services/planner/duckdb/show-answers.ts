import { EngineError } from '../../common/error.ts';
import { type Column, type ColumnType, quoteIdentifier } from '../../common/plan/column-type.ts';
import type { SessionState } from '../../common/session-state.ts';
import { SYSTEM_TABLE_NAMES } from '../../common/system/system-tables.ts';
import { type FileCatalogs } from '../catalog/file-catalogs.ts';
import { MAIN_SCHEMA } from '../catalog/table.ts';
import { type KnownRows, knownRowsSql } from '../explain/values-plan.ts';
import { isJsonObject, type Json, type JsonObject } from '../import/json-reader.ts';
import { rewriteStatement } from '../import/parsed-statement.ts';
import { showReference, type ShowReference, statementsOf } from '../import/show-reference.ts';
import { notSupported } from '../statement/statement-name.ts';
import { summarizeSql } from '../statement/summarize.ts';
import { isSystemCatalog, SYSTEM_MIRROR } from './system-catalog.ts';
import { type PlanningInstance } from './planning-instance.ts';

const VARCHAR: ColumnType = { id: 'VARCHAR' };
const TEXTS: ColumnType = { id: 'LIST', child: VARCHAR };
const BOOLEAN: ColumnType = { id: 'BOOLEAN' };

/** Columns of each kind, as DuckDB answers them. */
const COLUMNS = {
  describe: texts('column_name', 'column_type', 'null', 'key', 'default', 'extra'),
  tables: texts('name'),
  'all-tables': [
    ...texts('database', 'schema', 'name'),
    { name: 'column_names', type: TEXTS },
    { name: 'column_types', type: TEXTS },
    { name: 'temporary', type: BOOLEAN },
  ],
  databases: texts('database_name'),
  schemas: [...texts('database_name', 'schema_name'), { name: 'current', type: BOOLEAN }],
  variables: texts('name', 'value', 'type'),
} as const satisfies Record<string, readonly Column[]>;

/** Kinds that DuckDB answers from its own catalog, once that mirrors ours. */
const NATIVE = {
  'all-tables': 'SHOW ALL TABLES',
  databases: 'SHOW DATABASES',
  schemas: 'SHOW SCHEMAS',
  variables: 'SHOW VARIABLES',
} as const;

function texts(...names: readonly string[]): readonly Column[] {
  return names.map((name) => ({ name, type: VARCHAR }));
}

/** What SHOW and DESCRIBE answer, and the query that SUMMARIZE is: for the statement of one session. */
export class ShowAnswers {
  readonly #instance: PlanningInstance;
  readonly #catalogs: FileCatalogs;
  readonly #state: SessionState;

  /** `instance`: as the session sees it. */
  constructor(instance: PlanningInstance, catalogs: FileCatalogs, state: SessionState) {
    this.#instance = instance;
    this.#catalogs = catalogs;
    this.#state = state;
  }

  /** `statement`: the text of a DESCRIBE, where it is the whole statement. */
  async rows(
    shown: Exclude<ShowReference, { kind: 'summarize' }>,
    statement?: () => Promise<KnownRows['rows']>,
  ): Promise<KnownRows> {
    switch (shown.kind) {
      case 'describe': {
        const rows = statement?.() ?? this.#instance.describe(await this.#print(shown.query));
        return { columns: COLUMNS.describe, rows: await rows };
      }
      case 'tables':
        return { columns: COLUMNS.tables, rows: await this.#tables(shown) };
      case 'other':
        throw notSupported(shown.name);
      default:
        return await this.#native(shown.kind);
    }
  }

  /** The statement with queries in place of all that it shows. */
  async resolve(value: Json): Promise<Json> {
    const found: JsonObject[] = [];
    rewriteStatement(value, { show: (node) => (found.push(node), node) });
    if (found.length === 0) return value;
    const resolved = new Map<JsonObject, Json>();
    for (const node of found) resolved.set(node, await this.#relation(node));
    return rewriteStatement(value, { show: (node) => resolved.get(node) ?? node });
  }

  async #relation(node: JsonObject): Promise<Json> {
    const shown = showReference(node);
    const sql =
      shown.kind === 'summarize'
        ? await this.#summarize(shown.query)
        : knownRowsSql(await this.rows(shown));
    const [statement] = statementsOf(await this.#instance.parse(`FROM (${sql})`));
    const query = isJsonObject(statement) ? statement['node'] : undefined;
    const from = isJsonObject(query) ? query['from_table'] : undefined;
    if (!isJsonObject(from)) throw new Error(`no relation: ${sql}`);
    return { ...from, alias: node['alias'] ?? '' };
  }

  async #summarize(query: JsonObject): Promise<string> {
    const sql = await this.#print(await this.resolve(query));
    const [described, columns] = await Promise.all([
      this.#instance.describe(sql),
      this.#instance.columnsOf(sql),
    ]);
    return summarizeSql(
      sql,
      columns.map(({ name, type }, i) => {
        const [shownName, typeText] = described[i] ?? [];
        return { name: shownName ?? name, type, typeText: typeText ?? '' };
      }),
    );
  }

  async #print(query: Json): Promise<string> {
    const statement = { node: await this.resolve(query), named_param_map: [] };
    return await this.#instance.print({ error: false, statements: [statement] });
  }

  /** Views of the session are shown beside the tables of its schema. */
  async #tables({ catalog, schema }: { readonly catalog: string; readonly schema: string }) {
    const isOwn = catalog === '' && schema === '';
    const shown = isOwn ? this.#state : { catalog, schema };
    const views = isOwn ? this.#state.objects.filter(({ kind }) => kind === 'view') : [];
    const tables = await this.#tablesOf(shown);
    const names = [...tables.map(({ table }) => table), ...views.map(({ name }) => name)];
    return names.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)).map((name) => [name]);
  }

  async #tablesOf({ catalog, schema }: { readonly catalog: string; readonly schema: string }) {
    if (isSystemCatalog({ catalog, schema })) {
      return SYSTEM_TABLE_NAMES.map((table) => ({ table }));
    }
    if (catalog === '') return await this.#catalogs.tablesOf(schema);
    const name = this.#catalogs.nameOf({ catalog, schema, table: '' });
    const tables = name === undefined ? [] : await this.#catalogs.listTables(name.catalog);
    const found = tables.filter((table) => table.schema === name?.schema);
    if (found.length > 0 || name?.schema === MAIN_SCHEMA) return found;
    throw new EngineError('TABLE_NOT_FOUND', `there is no schema ${catalog}.${schema}`);
  }

  async #native(kind: keyof typeof NATIVE): Promise<KnownRows> {
    const columns = COLUMNS[kind];
    const cells = columns.map(({ name }) => `CAST(${quoteIdentifier(name)} AS VARCHAR)`);
    const sql = `SELECT ${cells.join(', ')} FROM (${NATIVE[kind]})`;
    const rows = await this.#instance.answer(sql);
    // As DuckDB's own catalog of that name, ours is not among those that are shown unasked.
    return { columns, rows: rows.filter(([first]) => first !== SYSTEM_MIRROR) };
  }
}
