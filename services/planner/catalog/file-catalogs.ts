import { EngineError } from '../../common/error.ts';
import { type TableReference } from '../import/parsed-statement.ts';
import { dataFileOf, isHiveFolder } from './file-format.ts';
import { type DirectoryEntry, type FileTree } from './ports.ts';
import {
  type CatalogDirectory,
  type FileIdentity,
  formatTableName,
  MAIN_SCHEMA,
  type Table,
  type TableName,
} from './table.ts';

/** DuckDB's name for what has none of its own. */
const DEFAULT_CATALOG = 'memory';

/** A table's place in the file system. */
interface TableEntry {
  readonly name: string;
  readonly path: string;
  readonly isDirectory: boolean;
}

/**
 * The files connector. In a catalog's directory each file `x.parquet`, `x.csv`, `x.json` … is the table x, each
 * folder a table of all files below it; a folder of nothing but folders, none of them `key=value`, is a schema of
 * such tables. Looked up afresh each time, so tables come and go with their files.
 */
export class FileCatalogs {
  readonly #catalogs: ReadonlyMap<string, CatalogDirectory>;
  readonly tree: FileTree;
  /** By file or folder: what a table is called, for messages. */
  #tablesByPath = new Map<string, TableName>();

  constructor(catalogs: readonly CatalogDirectory[], tree: FileTree) {
    this.#catalogs = new Map(catalogs.map((catalog) => [catalog.name, catalog]));
    this.tree = tree;
  }

  /** These catalogs, looked at through another tree. */
  through(tree: FileTree): FileCatalogs {
    const catalogs = new FileCatalogs([...this.#catalogs.values()], tree);
    catalogs.#tablesByPath = this.#tablesByPath;
    return catalogs;
  }

  /** Names of all catalogs; `''` is the default one. */
  get names(): readonly string[] {
    return [...this.#catalogs.keys()];
  }

  /**
   * The table that a statement means; `undefined` where it names a catalog that is not ours. Of two names the
   * first is a catalog, or else a schema of the default one.
   */
  nameOf({ catalog, schema, table }: TableReference): TableName | undefined {
    const [first, second] = [catalog, schema]
      .filter((part) => part !== '')
      .map((part) => part.toLowerCase());
    if (first === undefined) return { catalog: '', schema: MAIN_SCHEMA, table };
    const known = first === DEFAULT_CATALOG ? '' : first;
    if (this.#catalogs.has(known)) return { catalog: known, schema: second ?? MAIN_SCHEMA, table };
    return second === undefined ? { catalog: '', schema: first, table } : undefined;
  }

  /** The table whose file this is, of those that were looked up. */
  tableOfFile(path: string): TableName | undefined {
    return this.#tablesByPath.get(this.#placeOfFile(path) ?? '');
  }

  /** The folder of the table whose file this is; undefined as `tableOfFile`, and where the file itself is the table. */
  folderOfFile(path: string): string | undefined {
    const place = this.#placeOfFile(path);
    return place === path ? undefined : place;
  }

  #placeOfFile(path: string): string | undefined {
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
      const place = path.slice(0, end);
      if (this.#tablesByPath.has(place)) return place;
    }
    return undefined;
  }

  /** Names of all tables of a catalog, sorted by schema and name. @throws EngineError SOURCE_NOT_FOUND without its directory */
  async listTables(catalog: string): Promise<readonly TableName[]> {
    const { name, directory } = this.#catalogOf(catalog);
    const main = await this.#tablesIn(directory);
    if (main === undefined) {
      const message = `the catalog directory ${directory} does not exist`;
      throw new EngineError('SOURCE_NOT_FOUND', message, { details: { file: directory } });
    }
    const names = main.map((table) => ({ catalog: name, schema: MAIN_SCHEMA, table }));
    for (const schema of await this.#schemasIn(directory)) {
      const tables = (await this.#tablesIn(schema.path)) ?? [];
      names.push(...tables.map((table) => ({ catalog: name, schema: schema.name, table })));
    }
    return names;
  }

  /**
   * Names of the tables of a catalog's schema main or, where there is no such catalog, of a schema of the
   * default one; `''` is the default catalog. @throws EngineError as `listTables`
   */
  async tablesOf(qualifier: string): Promise<readonly TableName[]> {
    const name = qualifier.toLowerCase();
    const isDefault = ['', MAIN_SCHEMA, DEFAULT_CATALOG].includes(name);
    const isCatalog = isDefault || this.#catalogs.has(name);
    const all = await this.listTables(isCatalog && !isDefault ? name : '');
    const schema = isCatalog ? MAIN_SCHEMA : name;
    const found = all.filter((table) => sameName(table.schema, schema));
    if (found.length === 0 && !isCatalog) {
      throw new EngineError('TABLE_NOT_FOUND', `there is no catalog or schema ${qualifier}`);
    }
    return found;
  }

  /**
   * The table with its files as they are now; `undefined` when the catalog has none of this name.
   * @throws EngineError SOURCE_SCHEMA_MISMATCH for a name of several files or folders, and for a folder of files of
   * several formats, naming two of them
   */
  async findTable(name: TableName): Promise<Table | undefined> {
    const catalog = this.#catalogs.get(name.catalog.toLowerCase());
    const schema = catalog && (await this.#findSchema(catalog, name.schema));
    if (catalog === undefined || schema === undefined) return undefined;
    const isWanted = (entry: string): boolean => sameName(entry, name.table);
    const matches = (await this.#tableEntries(schema.path, isWanted)) ?? [];
    const [entry] = matches;
    if (entry === undefined) return undefined;
    const paths = entry.isDirectory ? await this.#filesBelow(entry.path) : [entry.path];
    const found = { catalog: catalog.name, schema: schema.name, table: entry.name };
    expectOnePlace(found, matches);
    const format = expectOneFormat(found, paths);
    if (format === undefined) return undefined;
    this.#tablesByPath.set(entry.path, found);
    return {
      name: found,
      format,
      files: await this.#identities(paths),
      isHivePartitioned: paths.some((file) =>
        file
          .slice(entry.path.length + 1)
          .split('/')
          .slice(0, -1)
          .some(isHiveFolder),
      ),
    };
  }

  #catalogOf(name: string): CatalogDirectory {
    const found = this.#catalogs.get(name.toLowerCase());
    if (found !== undefined) return found;
    throw new EngineError('TABLE_NOT_FOUND', `there is no catalog ${name}`);
  }

  async #findSchema(
    { directory }: CatalogDirectory,
    name: string,
  ): Promise<{ readonly name: string; readonly path: string } | undefined> {
    if (sameName(name, MAIN_SCHEMA)) return { name: MAIN_SCHEMA, path: directory };
    const schemas = await this.#schemasIn(directory);
    return schemas.find((schema) => sameName(schema.name, name));
  }

  /** Names of the tables in a folder, sorted; `undefined` without the folder. */
  async #tablesIn(directory: string): Promise<readonly string[] | undefined> {
    const entries = await this.#tableEntries(directory);
    return entries && [...new Set(entries.map(({ name }) => name))].toSorted(byText);
  }

  /** Files and folders that are tables; `undefined` without the folder. */
  async #tableEntries(
    directory: string,
    isWanted: (name: string) => boolean = () => true,
  ): Promise<readonly TableEntry[] | undefined> {
    const entries = await this.tree.entriesOf(directory);
    if (entries === undefined) return undefined;
    const found = await Promise.all(
      entries.filter(isVisible).map(async ({ name, isDirectory }) => {
        const path = `${directory}/${name}`;
        if (isDirectory) {
          const isTable = isWanted(name) && (await this.#kindOf(path)) === 'table';
          return isTable ? [{ name, path, isDirectory }] : [];
        }
        const file = dataFileOf(name);
        if (file === undefined || !isWanted(file.stem)) return [];
        return [{ name: file.stem, path, isDirectory }];
      }),
    );
    return found.flat();
  }

  async #schemasIn(directory: string): Promise<readonly { name: string; path: string }[]> {
    const entries = ((await this.tree.entriesOf(directory)) ?? []).filter(isVisible);
    const folders = entries.filter((entry) => entry.isDirectory).map(({ name }) => name);
    const schemas: { name: string; path: string }[] = [];
    for (const name of folders.toSorted(byText)) {
      const path = `${directory}/${name}`;
      if ((await this.#kindOf(path)) === 'schema') schemas.push({ name, path });
    }
    return schemas;
  }

  /** What a folder of a catalog is, by what lies in it. */
  async #kindOf(directory: string): Promise<'table' | 'schema' | 'nothing'> {
    const entries = ((await this.tree.entriesOf(directory)) ?? []).filter(isVisible);
    if (entries.some(({ name, isDirectory }) => !isDirectory && dataFileOf(name) !== undefined)) {
      return 'table';
    }
    const folders = entries.filter(({ isDirectory }) => isDirectory);
    if (folders.some(({ name }) => isHiveFolder(name))) return 'table';
    for (const { name } of folders) {
      if ((await this.#filesBelow(`${directory}/${name}`)).length > 0) return 'schema';
    }
    return 'nothing';
  }

  /** Paths of all data files below a directory, sorted; hidden entries are left out. */
  async #filesBelow(directory: string): Promise<readonly string[]> {
    const entries = (await this.tree.entriesOf(directory)) ?? [];
    const found = await Promise.all(
      entries.filter(isVisible).map(async (entry): Promise<readonly string[]> => {
        const path = `${directory}/${entry.name}`;
        if (entry.isDirectory) return await this.#filesBelow(path);
        return dataFileOf(entry.name) === undefined ? [] : [path];
      }),
    );
    return found.flat().toSorted(byText);
  }

  async #identities(paths: readonly string[]): Promise<readonly FileIdentity[]> {
    const identities = await Promise.all(paths.map((path) => this.tree.identityOf(path)));
    return identities.map((identity, i) => identity ?? missing(paths[i] ?? ''));
  }
}

function expectOnePlace(name: TableName, places: readonly TableEntry[]): void {
  const [first, second] = places.map(({ path }) => path).toSorted(byText);
  if (first === undefined || second === undefined) return;
  throw new EngineError(
    'SOURCE_SCHEMA_MISMATCH',
    `the table ${formatTableName(name)} is both ${first} and ${second}`,
    { details: { table: formatTableName(name), file: second, other_file: first } },
  );
}

function expectOneFormat(name: TableName, paths: readonly string[]): Table['format'] | undefined {
  const [first, ...others] = paths.map((path) => ({ path, format: dataFileOf(path)?.format }));
  const other = others.find(({ format }) => format !== first?.format);
  if (first === undefined || other === undefined) return first?.format;
  throw new EngineError(
    'SOURCE_SCHEMA_MISMATCH',
    `the table ${formatTableName(name)} has files of several formats: ${first.path} and ${other.path}`,
    { details: { table: formatTableName(name), file: other.path, other_file: first.path } },
  );
}

function isVisible({ name }: DirectoryEntry): boolean {
  return !name.startsWith('.') && !name.startsWith('_');
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function missing(path: string): never {
  throw new EngineError('SOURCE_NOT_FOUND', `the file ${path} is gone`, {
    details: { file: path },
  });
}
