/** Composition root of the planner: `startPlanner` inside another process, or this file as a process. */
import { pino } from 'pino';
import type { Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import { localPathChanges } from '../common/local-path-changes.ts';
import { isObjectPath } from '../common/plan/object-path.ts';
import {
  isProcessEntry,
  runAsProcess,
  type RunningRole,
} from '../common/process/run-as-process.ts';
import { serverCredentials } from '../common/rpc/credentials.ts';
import { RpcServer } from '../common/rpc/server.ts';
import { duckdbSettings, parseSessionProperties } from '../common/session-properties.ts';
import { systemClock } from '../common/system-clock.ts';
import { FileCatalogs } from './catalog/file-catalogs.ts';
import { NodeFileTree } from './catalog/node-file-tree.ts';
import { ObjectTree } from './catalog/object-tree.ts';
import { PinnedSources } from './catalog/pinned-sources.ts';
import { PlannerCatalog } from './catalog/planner-catalog.ts';
import { RoutedFileTree } from './catalog/routed-file-tree.ts';
import { ScanFiles } from './catalog/scan-files.ts';
import { TableBucketings } from './catalog/table-bucketings.ts';
import { TableWatch } from './catalog/table-watch.ts';
import { type PlannerConfig, plannerConfigFromProcess } from './config.ts';
import { CsvDialects } from './duckdb/csv-dialects.ts';
import { DirectReads } from './duckdb/direct-reads.ts';
import { DuckDBFrontEnd } from './duckdb/duckdb-front-end.ts';
import { DuckDBFooterReader } from './duckdb/footer-reader.ts';
import { InstancePool } from './duckdb/instance-pool.ts';
import { DuckDBObjectLister } from './duckdb/object-lister.ts';
import { SourcePinner } from './duckdb/source-pinner.ts';
import { TableRelations } from './duckdb/table-relations.ts';
import { PlanningHashFingerprint } from './duckdb/planning-hash-fingerprint.ts';
import { QueryPlanner } from './planning/query-planner.ts';
import { addPlannerService } from './rpc/planner-service.ts';

/** DuckDB memory of each planning instance; the process itself is limited by whoever started it. */
const INSTANCE_MEMORY_BYTES = 512 * 1024 * 1024;
const MAX_CACHED_FOOTERS = 10_000;
const MAX_CACHED_DIALECTS = 10_000;
/** Of sessions that set nothing. */
const USUAL_SETTINGS = duckdbSettings(parseSessionProperties(), 'planning');

/** @throws EngineError INVALID_CONFIGURATION when it cannot listen */
export async function startPlanner(
  config: PlannerConfig,
  deps: { readonly clock: Clock; readonly log: Logger },
): Promise<RunningRole> {
  const pinned = new PinnedSources();
  const instances = new InstancePool({
    pinned,
    catalogNames: config.catalogs.map(({ name }) => name).filter((name) => name !== ''),
    allowedDirectories: config.dataDirectories,
    dataAccess: config.dataAccess,
    memoryLimitBytes: INSTANCE_MEMORY_BYTES,
  });
  const server = new RpcServer({ credentials: serverCredentials(config.tls), ...deps });
  addPlannerService(server, queryPlanner(config, { instances, pinned }));
  const port = await server.listen(config.listen);
  server.setServing(true);
  const close = async (graceMs: number): Promise<void> => {
    await server.shutdown({ graceMs });
    await instances.close();
  };
  return { address: boundAddress(config.listen, port), close };
}

export interface PlannerParts {
  readonly instances: InstancePool;
  /** The one that the instances look into. */
  readonly pinned: PinnedSources;
}

/** The planner without its service. */
export function queryPlanner(
  config: Pick<PlannerConfig, 'catalogs'>,
  { instances, pinned }: PlannerParts,
): QueryPlanner {
  const { frontEnd, catalog } = plannerFront(config.catalogs, { instances, pinned });
  return new QueryPlanner({ frontEnd, catalog });
}

/** What the planner knows SQL and tables by. */
export function plannerFront(
  directories: PlannerConfig['catalogs'],
  { instances, pinned }: PlannerParts,
): { readonly frontEnd: DuckDBFrontEnd; readonly catalog: PlannerCatalog } {
  const objects = new ObjectTree({
    lister: new DuckDBObjectLister(instances, USUAL_SETTINGS),
    clock: systemClock,
    prefixes: directories.map(({ directory }) => directory).filter(isObjectPath),
  });
  const tree = new RoutedFileTree({ local: new NodeFileTree(), objects });
  const catalogs = new FileCatalogs(directories, tree);
  const footers = new DuckDBFooterReader(instances, USUAL_SETTINGS);
  const scanFiles = new ScanFiles({ tree, footers, maxCachedFooters: MAX_CACHED_FOOTERS });
  const pinner = new SourcePinner(pinned, new CsvDialects(MAX_CACHED_DIALECTS));
  const relations = new TableRelations(scanFiles, pinner);
  const directReads = new DirectReads(pinner, tree);
  const frontEnd = new DuckDBFrontEnd({
    instances,
    catalogs,
    relations,
    directReads,
    usualSettings: USUAL_SETTINGS,
    hasObjectStore: directories.some(({ directory }) => isObjectPath(directory)),
  });
  const fingerprints = new PlanningHashFingerprint(instances, USUAL_SETTINGS);
  const bucketings = new TableBucketings({ catalogs, texts: tree, fingerprints });
  return {
    frontEnd,
    catalog: new PlannerCatalog({
      catalogs,
      scanFiles,
      pinned,
      bucketings,
      reader: frontEnd,
      watch: new TableWatch({ catalogs, changes: localPathChanges, clock: systemClock }),
    }),
  };
}

function boundAddress(listen: string, port: number): string {
  return listen.startsWith('unix:') ? listen : listen.replace(/:\d+$/, `:${port}`);
}

if (isProcessEntry(import.meta.url)) {
  await runAsProcess('planner', async () => {
    const config = plannerConfigFromProcess();
    const log = pino({ name: 'planner', level: config.logLevel }, process.stderr);
    return await startPlanner(config, { clock: systemClock, log });
  });
}
