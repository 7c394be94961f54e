import { CatalogServiceService } from '../../../proto/gen/skein/v1/catalog.ts';
import { ClusterServiceService } from '../../../proto/gen/skein/v1/cluster.ts';
import { QueryServiceService } from '../../../proto/gen/skein/v1/query.ts';
import type { RpcServer } from '../../common/rpc/server.ts';
import { catalogService, clusterService } from './directory-services.ts';
import { queryService, type QueryServiceDeps, type QueryServiceOptions } from './query-service.ts';

/** Serves all of skein.v1. */
export function addPublicServices(
  server: RpcServer,
  deps: QueryServiceDeps,
  options: QueryServiceOptions,
): void {
  server.addService(QueryServiceService, queryService(deps, options));
  server.addService(ClusterServiceService, clusterService(deps.coordinator, deps.caller));
  server.addService(CatalogServiceService, catalogService(deps.coordinator, deps.caller));
}
