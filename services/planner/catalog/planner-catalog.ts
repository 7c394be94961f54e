import { EngineError } from '../../common/error.ts';
import { type ScanFile } from '../../common/plan/plan-fragment.ts';
import { type ScanStatistics } from '../distribution/scan-statistics.ts';
import { type Expression } from '../logical/expression.ts';
import { type Scan } from '../logical/logical-plan.ts';
import {
  SYSTEM_CATALOG,
  SYSTEM_TABLE_NAMES,
  systemColumns,
  type SystemTableName,
} from '../../common/system/system-tables.ts';
import { type ScanCatalog, type TableDescription, type TablesSeen } from '../planning/ports.ts';
import { type FileCatalogs } from './file-catalogs.ts';
import { type PinnedSource, type PinnedSources } from './pinned-sources.ts';
import { type TableReader } from './ports.ts';
import { type ResolvedScan, resolvePinned, type ScanFiles } from './scan-files.ts';
import { type TableBucketings } from './table-bucketings.ts';
import { type TableWatch } from './table-watch.ts';
import { formatTableName, type Table } from './table.ts';

export interface PlannerCatalogDeps {
  readonly catalogs: FileCatalogs;
  readonly scanFiles: ScanFiles;
  readonly pinned: PinnedSources;
  readonly reader: TableReader;
  readonly bucketings: TableBucketings;
  readonly watch: TableWatch;
}

/** The catalogs as planning sees them. */
export class PlannerCatalog implements ScanCatalog {
  readonly #deps: PlannerCatalogDeps;

  constructor(deps: PlannerCatalogDeps) {
    this.#deps = deps;
  }

  async resolve(scan: Scan, predicates: readonly Expression[]): Promise<ResolvedScan> {
    const { files, fileColumns: columns, options } = scan;
    const pinned = this.#pinnedOf(scan);
    if (pinned !== undefined) return resolvePinned(pinned, columns, predicates);
    const isTable = this.#deps.catalogs.tableOfFile(files[0] ?? '') !== undefined;
    return await this.#deps.scanFiles.resolve({ files, columns, predicates, options, isTable });
  }

  async statisticsOf(
    { format, fileColumns }: Scan,
    files: readonly ScanFile[],
  ): Promise<ScanStatistics | undefined> {
    if (format !== 'parquet') return undefined;
    const statistics = await this.#deps.scanFiles.statisticsOf(files, fileColumns);
    const bucketing = await this.#deps.bucketings.bucketingOf(files, fileColumns);
    return bucketing === undefined ? statistics : { ...statistics, bucketing };
  }

  tableOf(scan: Scan): string {
    const pinned = this.#pinnedOf(scan);
    if (pinned !== undefined) return pinned.table;
    const [file = ''] = scan.files;
    const name = this.#deps.catalogs.tableOfFile(file);
    return name === undefined ? file : formatTableName(name);
  }

  async lookAgain(tables: readonly Table[]): Promise<TablesSeen> {
    return await this.#deps.watch.lookAgain(tables);
  }

  async listTables(catalog: string): Promise<readonly TableDescription[]> {
    const { catalogs, reader } = this.#deps;
    if (catalog.toLowerCase() === SYSTEM_CATALOG)
      return SYSTEM_TABLE_NAMES.map(describeSystemTable);
    const descriptions: TableDescription[] = [];
    for (const name of await catalogs.listTables(catalog)) {
      const table = await catalogs.findTable(name);
      if (table === undefined) continue;
      const columns = await reader.columnsOf(table);
      const { schema, table: tableName } = name;
      descriptions.push({ catalog: name.catalog, schema, name: tableName, columns });
    }
    return descriptions;
  }

  #pinnedOf({ pinned: id }: Scan): PinnedSource | undefined {
    if (id === undefined) return undefined;
    const source = this.#deps.pinned.get(id);
    if (source !== undefined) return source;
    throw new EngineError('INTERNAL_ERROR', `the pinned source ${id} was forgotten`);
  }
}

function describeSystemTable(name: SystemTableName): TableDescription {
  return { catalog: SYSTEM_CATALOG, schema: 'main', name, columns: systemColumns(name) };
}
