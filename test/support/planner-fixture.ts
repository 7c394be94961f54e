/** A planner's front end and catalog over directories, as `main.ts` joins them. */
import { parseSessionProperties } from '../../services/common/session-properties.ts';
import { FileCatalogs } from '../../services/planner/catalog/file-catalogs.ts';
import { NodeFileTree } from '../../services/planner/catalog/node-file-tree.ts';
import { PlannerCatalog } from '../../services/planner/catalog/planner-catalog.ts';
import { ScanFiles } from '../../services/planner/catalog/scan-files.ts';
import type { CatalogDirectory } from '../../services/planner/catalog/table.ts';
import { DuckDBFrontEnd } from '../../services/planner/duckdb/duckdb-front-end.ts';
import { DuckDBFooterReader } from '../../services/planner/duckdb/footer-reader.ts';
import { InstancePool } from '../../services/planner/duckdb/instance-pool.ts';
import type { PlanningRequest } from '../../services/planner/planning/ports.ts';

export class PlannerFixture implements AsyncDisposable {
  readonly frontEnd: DuckDBFrontEnd;
  readonly catalog: PlannerCatalog;
  readonly instances: InstancePool;

  constructor(catalogs: readonly CatalogDirectory[]) {
    const instances = new InstancePool({
      catalogNames: catalogs.map(({ name }) => name).filter((name) => name !== ''),
      allowedDirectories: catalogs.map(({ directory }) => directory),
      memoryLimitBytes: 256 * 1024 * 1024,
    });
    const tree = new NodeFileTree();
    const fileCatalogs = new FileCatalogs(catalogs, tree);
    const footers = new DuckDBFooterReader(instances, 'UTC');
    const scanFiles = new ScanFiles({ tree, footers, maxCachedFooters: 100 });
    this.instances = instances;
    this.frontEnd = new DuckDBFrontEnd({ instances, catalogs: fileCatalogs, timeZone: 'UTC' });
    this.catalog = new PlannerCatalog({
      catalogs: fileCatalogs,
      scanFiles,
      reader: this.frontEnd,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.instances.close();
  }
}

/** A request of a cluster with two workers. */
export function planningRequest(
  sql: string,
  properties: Readonly<Record<string, string>> = {},
): PlanningRequest {
  return {
    sql,
    session: parseSessionProperties(properties),
    parameters: new Uint8Array(),
    cluster: { workerCount: 2, tasksPerWorker: 2 },
  };
}
