import { type ScanCatalog, type TableDescription } from '../planning/ports.ts';
import { type FileCatalogs } from './file-catalogs.ts';
import { type TableReader } from './ports.ts';
import { type FileScan, type ResolvedScan, type ScanFiles } from './scan-files.ts';
import { formatTableName } from './table.ts';

export interface PlannerCatalogDeps {
  readonly catalogs: FileCatalogs;
  readonly scanFiles: ScanFiles;
  readonly reader: TableReader;
}

/** The catalogs as planning sees them. */
export class PlannerCatalog implements ScanCatalog {
  readonly #deps: PlannerCatalogDeps;

  constructor(deps: PlannerCatalogDeps) {
    this.#deps = deps;
  }

  async resolve(scan: FileScan): Promise<ResolvedScan> {
    return await this.#deps.scanFiles.resolve(scan);
  }

  tableOf(file: string): string {
    const name = this.#deps.catalogs.tableOfFile(file);
    return name === undefined ? file : formatTableName(name);
  }

  async listTables(catalog: string): Promise<readonly TableDescription[]> {
    const { catalogs, reader } = this.#deps;
    const descriptions: TableDescription[] = [];
    for (const name of await catalogs.listTables(catalog)) {
      const table = await catalogs.findTable(name);
      if (table === undefined) continue;
      const columns = await reader.columnsOf(table);
      descriptions.push({ catalog: name.catalog, schema: 'main', name: name.table, columns });
    }
    return descriptions;
  }
}
