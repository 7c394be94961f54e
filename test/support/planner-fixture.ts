/** A planner's front end and catalog over directories, as `main.ts` joins them. */
import { NEW_SESSION } from '../../services/common/session-state.ts';
import { parseSessionProperties } from '../../services/common/session-properties.ts';
import { PinnedSources } from '../../services/planner/catalog/pinned-sources.ts';
import type { PlannerCatalog } from '../../services/planner/catalog/planner-catalog.ts';
import type { CatalogDirectory } from '../../services/planner/catalog/table.ts';
import type { DuckDBFrontEnd } from '../../services/planner/duckdb/duckdb-front-end.ts';
import { InstancePool } from '../../services/planner/duckdb/instance-pool.ts';
import { plannerFront } from '../../services/planner/main.ts';
import type { PlanningRequest } from '../../services/planner/planning/ports.ts';

export class PlannerFixture implements AsyncDisposable {
  readonly frontEnd: DuckDBFrontEnd;
  readonly catalog: PlannerCatalog;
  readonly instances: InstancePool;

  constructor(catalogs: readonly CatalogDirectory[]) {
    const pinned = new PinnedSources();
    const instances = new InstancePool({
      pinned,
      catalogNames: catalogs.map(({ name }) => name).filter((name) => name !== ''),
      allowedDirectories: catalogs.map(({ directory }) => directory),
      memoryLimitBytes: 256 * 1024 * 1024,
    });
    const front = plannerFront(catalogs, { instances, pinned });
    this.instances = instances;
    this.frontEnd = front.frontEnd;
    this.catalog = front.catalog;
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
    sessionState: NEW_SESSION,
    parameters: new Uint8Array(),

    answers: new Uint8Array(),
    cluster: { workerCount: 2, tasksPerWorker: 2 },
  };
}
