/**
 * Rewrites the tables of a parsed statement (the JSON of `json_serialize_sql`), for the rung that runs the statement
 * as it was written. Columns that name a table by schema or catalog do not find it under its new name; binding the
 * statement again tells.
 */
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../import/json-reader.ts';

/** A table as the statement names it; '' where it names no catalog or schema. */
export interface TableReference {
  readonly catalog: string;
  readonly schema: string;
  readonly table: string;
}

/** The new name of a table; undefined leaves the reference alone. */
export type Rename = (reference: TableReference) => string | undefined;

/** Every reference to a table gets its new name and keeps the name that columns know it by. */
export function renameTables(statement: Json, rename: Rename): Json {
  return new TableRenamer(rename).rewrite(statement, new Set());
}

/** Names, in lower case, that stand for a CTE where a statement is read. */
type Scope = ReadonlySet<string>;

class TableRenamer {
  readonly #rename: Rename;

  constructor(rename: Rename) {
    this.#rename = rename;
  }

  rewrite(value: Json, scope: Scope): Json {
    if (isJsonArray(value)) return value.map((item) => this.rewrite(item, scope));
    if (!isJsonObject(value)) return value;
    if (value['type'] === 'BASE_TABLE') return this.#table(value, scope);
    if (value['type'] === 'RECURSIVE_CTE_NODE') return this.#recursive(value, scope);
    return this.#node(value, scope);
  }

  #table(value: JsonObject, scope: Scope): Json {
    const [catalog, schema, table] = ['catalog_name', 'schema_name', 'table_name'].map((name) => {
      const text = value[name];
      return typeof text === 'string' ? text : '';
    });
    if (catalog === undefined || schema === undefined || table === undefined) return value;
    const isCte = catalog === '' && schema === '' && scope.has(table.toLowerCase());
    const renamed = isCte ? undefined : this.#rename({ catalog, schema, table });
    if (renamed === undefined) return value;
    const alias = value['alias'];
    return {
      ...value,
      alias: alias === '' || alias === undefined ? table : alias,
      catalog_name: '',
      schema_name: '',
      table_name: renamed,
    };
  }

  /** A recursive CTE sees itself; its name is in scope nowhere else yet. */
  #recursive(value: JsonObject, scope: Scope): Json {
    const name = value['cte_name'];
    const inner = typeof name === 'string' ? new Set([...scope, name.toLowerCase()]) : scope;
    return this.#node(value, inner);
  }

  /** A CTE is in scope after its definition: in later definitions, and in the node that holds them. */
  #node(value: JsonObject, scope: Scope): Json {
    const ctes = value['cte_map'];
    const entries = isJsonObject(ctes) && isJsonArray(ctes['map']) ? ctes['map'] : [];
    let inner = scope;
    const map = entries.map((entry) => {
      const rewritten = this.rewrite(entry, inner);
      const key = isJsonObject(entry) ? entry['key'] : undefined;
      if (typeof key === 'string') inner = new Set([...inner, key.toLowerCase()]);
      return rewritten;
    });
    const rewritten: Record<string, Json> = {};
    for (const [name, child] of Object.entries(value)) {
      rewritten[name] =
        name === 'cte_map' && isJsonObject(child) ? { ...child, map } : this.rewrite(child, inner);
    }
    return rewritten;
  }
}
