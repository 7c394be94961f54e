import { EngineError, ERROR_POLICIES } from '../../common/error.ts';
import { type SessionState } from '../../common/session-state.ts';
import { type FileCatalogs } from '../catalog/file-catalogs.ts';
import { dataFileOf } from '../catalog/file-format.ts';
import { type Table, type TableName } from '../catalog/table.ts';
import { pathOf, type TableReference } from '../import/parsed-statement.ts';
import { type PlanningInstance } from './planning-instance.ts';
import { type StatementNames } from './sql-door.ts';
import { type RelatedTable, type TableRelations } from './table-relations.ts';

/** The catalogs as a session names their tables. */
export class SessionCatalog {
  readonly #catalogs: FileCatalogs;
  readonly #relations: TableRelations;
  readonly #state: SessionState;

  constructor(
    from: { readonly catalogs: FileCatalogs; readonly relations: TableRelations },
    state: SessionState,
  ) {
    this.#catalogs = from.catalogs;
    this.#relations = from.relations;
    this.#state = state;
  }

  async findTable(reference: TableReference): Promise<Table | undefined> {
    const name = this.#catalogs.nameOf(this.#qualified(reference));
    return name === undefined ? undefined : await this.#catalogs.findTable(name);
  }

  /** Equal for references that mean the same table. */
  keyOf(reference: TableReference): string {
    const name = this.#catalogs.nameOf(this.#qualified(reference));
    return JSON.stringify(name ?? reference).toLowerCase();
  }

  /** Makes the tables that a statement names known to the instance; by their keys. */
  async mirror(
    instance: PlanningInstance,
    references: readonly TableReference[],
  ): Promise<ReadonlyMap<string, RelatedTable>> {
    const tables = new Map<string, RelatedTable>();
    const byKey = new Map(references.map((reference) => [this.keyOf(reference), reference]));
    const lookUps = [...byKey].map(async ([key, reference]) => {
      const name = this.#catalogs.nameOf(this.#qualified(reference));
      return { key, name, table: name && (await this.#catalogs.findTable(name)) };
    });
    for (const { key, name, table } of await Promise.all(lookUps)) {
      if (table !== undefined) tables.set(key, await this.#mirrorTable(instance, table));
      else if (name !== undefined) await instance.forget(name);
    }
    return tables;
  }

  /**
   * Makes the tables of all catalogs known to the instance, and forgets those that are gone. What cannot be read is
   * left out: the others are to be shown all the same. The answer are the tables, in the order of their names.
   */
  async mirrorAll(instance: PlanningInstance): Promise<readonly RelatedTable[]> {
    const names = this.#catalogs.names;
    const known = instance.mirroredTables.filter(({ catalog }) => names.includes(catalog));
    const listed: TableName[] = [];
    for (const catalog of names) {
      const tables = await readable(async () => await this.#catalogs.listTables(catalog));
      listed.push(...(tables ?? []));
    }
    const all = new Map([...listed, ...known].map((name) => [JSON.stringify(name), name]));
    const tables: RelatedTable[] = [];
    for (const name of all.values()) {
      const mirrored = await readable(async () => {
        const table = await this.#catalogs.findTable(name);
        return table && (await this.#mirrorTable(instance, table));
      });
      if (mirrored === undefined) await instance.forget(name);
      else tables.push(mirrored);
    }
    return tables;
  }

  /** The schemas of all catalogs, for a statement that names one or tells of them. */
  async mirrorSchemas(instance: PlanningInstance): Promise<void> {
    for (const catalog of this.#catalogs.names) {
      const tables = await this.#catalogs.listTables(catalog);
      for (const schema of new Set(tables.map((table) => table.schema))) {
        await instance.mirrorSchema({ catalog, schema });
      }
    }
  }

  /** The session's own schema, which its connections begin in. */
  async mirrorOwnSchema(instance: PlanningInstance): Promise<void> {
    const { catalog, schema } = this.#state;
    if (catalog === '') return;
    const name = this.#catalogs.nameOf({ catalog, schema, table: '' });
    if (name !== undefined) await instance.mirrorSchema(name);
  }

  /** Files and patterns that a statement names: to functions, or as a table that no catalog has. */
  async pathsOf({ tables, paths }: StatementNames): Promise<readonly string[]> {
    const files: string[] = [...paths];
    for (const reference of tables) {
      const path = pathOf(reference);
      const isBare = reference.catalog === '' && reference.schema === '';
      if (!isBare && dataFileOf(path) === undefined) continue;
      if ((await this.findTable(reference)) === undefined) files.push(path);
    }
    return files;
  }

  async #mirrorTable(instance: PlanningInstance, table: Table): Promise<RelatedTable> {
    return await instance.mirror(await this.#relations.of(table, instance.fileLane));
  }

  /** Names without a catalog are looked up in the session's own; a single qualifier may be a catalog. */
  #qualified(reference: TableReference): TableReference {
    const { catalog, schema, table } = reference;
    const own = this.#state;
    if (own.catalog === '' || catalog !== '') return reference;
    if (schema === '') return { catalog: own.catalog, schema: own.schema, table };
    const name = schema.toLowerCase();
    const isCatalog = name === 'memory' || this.#catalogs.names.includes(name);
    return isCatalog ? reference : { catalog: own.catalog, schema, table };
  }
}

/** What `look` finds; `undefined` when what it looks at cannot be read. */
async function readable<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof EngineError && isOfSource(error)) return undefined;
    throw error;
  }
}

function isOfSource({ code }: EngineError): boolean {
  return ERROR_POLICIES[code].type === 'external' || code === 'FILE_NOT_ALLOWED';
}
