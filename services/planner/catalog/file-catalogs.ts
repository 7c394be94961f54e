import { EngineError } from '../../common/error.ts';
import { type TableReference } from '../import/parsed-statement.ts';
import { type DirectoryEntry, type FileTree } from './ports.ts';
import { type CatalogDirectory, type FileIdentity, type Table, type TableName } from './table.ts';

/** DuckDB's names for what has none of its own. */
const MAIN_SCHEMA = 'main';
const DEFAULT_CATALOG = 'memory';
const PARQUET = /\.parquet$/i;
const HIVE_FOLDER = /^[^=]+=/;

/**
 * The files connector: each Parquet file `x.parquet` of a catalog's directory is the table x, each folder a
 * table of all Parquet files below it. Looked up afresh each time, so tables come and go with their files.
 */
export class FileCatalogs {
  readonly #catalogs: ReadonlyMap<string, CatalogDirectory>;
  readonly #tree: FileTree;

  constructor(catalogs: readonly CatalogDirectory[], tree: FileTree) {
    this.#catalogs = new Map(catalogs.map((catalog) => [catalog.name, catalog]));
    this.#tree = tree;
  }

  /** The table that a statement means; `undefined` where it names another catalog or schema than ours. */
  nameOf({ catalog, schema, table }: TableReference): TableName | undefined {
    const qualifier = [catalog, schema]
      .filter((part) => part !== '')
      .map((part) => part.toLowerCase());
    const [first, second] = qualifier;
    if (second !== undefined && second !== MAIN_SCHEMA) return undefined;
    if (first === undefined || first === MAIN_SCHEMA || first === DEFAULT_CATALOG) {
      return { catalog: '', table };
    }
    return this.#catalogs.has(first) ? { catalog: first, table } : undefined;
  }

  /** The table whose file this is. */
  tableOfFile(path: string): TableName | undefined {
    for (const { name, directory } of this.#catalogs.values()) {
      if (!path.startsWith(`${directory}/`)) continue;
      const [entry = '', ...below] = path.slice(directory.length + 1).split('/');
      const table = tableNameOf({ name: entry, isDirectory: below.length > 0 });
      if (table !== undefined) return { catalog: name, table };
    }
    return undefined;
  }

  /** Names of all tables of a catalog, sorted. @throws EngineError SOURCE_NOT_FOUND without its directory */
  async listTables(catalog: string): Promise<readonly TableName[]> {
    const directory = this.#directoryOf(catalog);
    const entries = await this.#tree.entriesOf(directory);
    if (entries === undefined) {
      throw new EngineError(
        'SOURCE_NOT_FOUND',
        `the catalog directory ${directory} does not exist`,
        {
          details: { file: directory },
        },
      );
    }
    const names = new Set<string>();
    for (const entry of entries) {
      const table = tableNameOf(entry);
      const isTable =
        table !== undefined &&
        (!entry.isDirectory || (await this.#filesBelow(`${directory}/${entry.name}`)).length > 0);
      if (isTable) names.add(table);
    }
    const sorted = [...names].toSorted((a, b) => (a < b ? -1 : 1));
    return sorted.map((table) => ({ catalog: catalog.toLowerCase(), table }));
  }

  /** The table with its files as they are now; `undefined` when the catalog has none of this name. */
  async findTable(name: TableName): Promise<Table | undefined> {
    const catalog = this.#catalogs.get(name.catalog.toLowerCase());
    const entries = catalog && (await this.#tree.entriesOf(catalog.directory));
    if (catalog === undefined || entries === undefined) return undefined;
    const wanted = name.table.toLowerCase();
    const matches = entries.filter((entry) => tableNameOf(entry)?.toLowerCase() === wanted);
    // A file hides a folder of the same name.
    const entry = matches.find((match) => !match.isDirectory) ?? matches[0];
    if (entry === undefined) return undefined;
    const path = `${catalog.directory}/${entry.name}`;
    const paths = entry.isDirectory ? await this.#filesBelow(path) : [path];
    if (paths.length === 0) return undefined;
    return {
      name: { catalog: catalog.name, table: tableNameOf(entry) ?? name.table },
      files: await this.#identities(paths),
      isHivePartitioned: paths.some((file) =>
        file
          .slice(path.length + 1)
          .split('/')
          .slice(0, -1)
          .some((folder) => HIVE_FOLDER.test(folder)),
      ),
    };
  }

  #directoryOf(catalog: string): string {
    const found = this.#catalogs.get(catalog.toLowerCase());
    if (found === undefined) {
      throw new EngineError('TABLE_NOT_FOUND', `there is no catalog ${catalog}`);
    }
    return found.directory;
  }

  /** Paths of all Parquet files below a directory, sorted; hidden entries are left out. */
  async #filesBelow(directory: string): Promise<readonly string[]> {
    const entries = (await this.#tree.entriesOf(directory)) ?? [];
    const found = await Promise.all(
      entries.filter(isVisible).map(async (entry): Promise<readonly string[]> => {
        const path = `${directory}/${entry.name}`;
        if (entry.isDirectory) return await this.#filesBelow(path);
        return PARQUET.test(entry.name) ? [path] : [];
      }),
    );
    return found.flat().toSorted((a, b) => (a < b ? -1 : 1));
  }

  async #identities(paths: readonly string[]): Promise<readonly FileIdentity[]> {
    const identities = await Promise.all(paths.map((path) => this.#tree.identityOf(path)));
    return identities.map((identity, i) => identity ?? missing(paths[i] ?? ''));
  }
}

function tableNameOf(entry: DirectoryEntry): string | undefined {
  if (!isVisible(entry)) return undefined;
  if (entry.isDirectory) return entry.name;
  return PARQUET.test(entry.name) ? entry.name.replace(PARQUET, '') : undefined;
}

function isVisible({ name }: DirectoryEntry): boolean {
  return !name.startsWith('.') && !name.startsWith('_');
}

function missing(path: string): never {
  throw new EngineError('SOURCE_NOT_FOUND', `the file ${path} is gone`, {
    details: { file: path },
  });
}
