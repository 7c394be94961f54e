/** Statements over what DuckDB tells of itself, with the rows that a session may see in the place of each such relation. */
import { formatColumnType, quoteIdentifier, quoteString } from '../../common/plan/column-type.ts';
import { type KnownRows } from '../explain/values-plan.ts';
import { isJsonObject, type Json, type JsonObject } from '../import/json-reader.ts';
import { type MetadataRelation, rewriteMetadata } from '../import/metadata-reference.ts';
import { type TableReference } from '../import/parsed-statement.ts';
import { statementsOf } from '../import/show-reference.ts';
import { type InstancePool } from './instance-pool.ts';
import { type PlanningInstance } from './planning-instance.ts';
import { SESSION_SETTINGS } from './sql-door.ts';
import { type RelatedTable } from './table-relations.ts';

export interface MetadataDeps {
  readonly instances: InstancePool;
  /** As the session sees it. */
  readonly session: PlanningInstance;
  /** Statements that make a connection the session's. */
  readonly setup: readonly string[];
  /** All tables of all catalogs. */
  readonly tables: readonly RelatedTable[];
  /** A table of ours that hides a relation of DuckDB's. */
  readonly isTable: (reference: TableReference) => boolean;
}

/** The same document where it names none. */
export async function resolveMetadata(document: Json, deps: MetadataDeps): Promise<Json> {
  const named = new Map<string, MetadataRelation>();
  const isHidden = (reference: TableReference | undefined): boolean =>
    reference !== undefined && deps.isTable(reference);
  rewriteMetadata(document, (relation, node, reference) => {
    if (!isHidden(reference)) named.set(relation.sql, relation);
    return node;
  });
  if (named.size === 0) return document;
  const known = await knownRows([...named.values()], deps);
  const items = new Map<string, JsonObject>();
  for (const [sql, rows] of known) items.set(sql, await fromItem(rows, deps.session));
  return rewriteMetadata(document, ({ sql, name }, node, reference) => {
    const item = items.get(sql);
    if (item === undefined || isHidden(reference)) return node;
    const { alias, sample, column_name_alias: columns } = node;
    return {
      ...item,
      alias: alias === '' || alias === undefined ? name : alias,
      sample: sample ?? null,
      column_name_alias: columns ?? [],
    };
  });
}

async function knownRows(
  relations: readonly MetadataRelation[],
  { instances, session, setup, tables }: MetadataDeps,
): Promise<ReadonlyMap<string, KnownRows>> {
  const described = await Promise.all(
    tables.map(async (table) => {
      return { name: table.name, columns: await session.tableColumns(table) };
    }),
  );
  const names = new Set(relations.map(({ sql }) => sql));
  const found = await instances.useMetadata(described, async (instance) => {
    return await instance.rowsOf(names, setup);
  });
  const checked = new Map(found);
  for (const { sql, isOfSettings } of relations) {
    const known = found.get(sql);
    if (isOfSettings && known !== undefined) checked.set(sql, await ownSettings(known, session));
  }
  return checked;
}

/** Both relations of settings begin with name and value. */
async function ownSettings(known: KnownRows, session: PlanningInstance): Promise<KnownRows> {
  const own = known.rows.filter(([name]) => SESSION_SETTINGS.has((name ?? '').toLowerCase()));
  const rows = own.map(async ([name = null, , ...others]) => {
    const asked = `SELECT CAST(current_setting(${quoteString(name ?? '')}) AS VARCHAR)`;
    const [[value = null] = []] = await session.answer(asked);
    return [name, value, ...others];
  });
  return { columns: known.columns, rows: await Promise.all(rows) };
}

/** A column is one constant: DuckDB reads it faster than VALUES of many rows. */
async function fromItem(
  { columns, rows }: KnownRows,
  session: PlanningInstance,
): Promise<JsonObject> {
  const casts = columns.map(({ name, type }, i) => {
    return `CAST(c${i} AS ${formatColumnType(type)}) AS ${quoteIdentifier(name)}`;
  });
  const lists = columns.map((_, i) => {
    const texts = quoteString(JSON.stringify(rows.map((row) => row[i] ?? null)));
    return `unnest(from_json(${texts}, '["VARCHAR"]')) AS c${i}`;
  });
  const sql = `FROM (SELECT ${casts.join(', ')} FROM (SELECT ${lists.join(', ')}))`;
  const [statement] = statementsOf(await session.parse(sql));
  const query = isJsonObject(statement) ? statement['node'] : undefined;
  const item = isJsonObject(query) ? query['from_table'] : undefined;
  if (!isJsonObject(item)) throw new Error(`no relation: ${sql}`);
  return item;
}
