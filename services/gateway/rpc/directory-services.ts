import type { CatalogServiceService } from '../../../proto/gen/skein/v1/catalog.ts';
import type { ClusterServiceService } from '../../../proto/gen/skein/v1/cluster.ts';
import { EngineError } from '../../common/error.ts';
import type { ServiceHandlers } from '../../common/rpc/method.ts';
import type { Caller } from './caller.ts';
import type { CoordinatorClient } from './coordinator-client.ts';
import { publicNode, publicTable } from './public-wire.ts';

/** skein.v1.ClusterService */
export function clusterService(
  coordinator: CoordinatorClient,
  caller: Caller,
): ServiceHandlers<typeof ClusterServiceService> {
  return {
    async listNodes(_request, context) {
      const nodes = await coordinator.listNodes(caller(context), context.signal);
      return { nodes: nodes.map(publicNode) };
    },
  };
}

/** skein.v1.CatalogService */
export function catalogService(
  coordinator: CoordinatorClient,
  caller: Caller,
): ServiceHandlers<typeof CatalogServiceService> {
  return {
    async listTables(request, context) {
      const tables = await coordinator.listTables(caller(context), request.catalog, context.signal);
      return { tables: tables.map(publicTable) };
    },
    async getTable(request, context) {
      const tables = await coordinator.listTables(caller(context), request.catalog, context.signal);
      const schema = request.schema || 'main';
      const table = tables.find(
        (candidate) => candidate.name === request.table && candidate.schema === schema,
      );
      if (table === undefined) {
        throw new EngineError(
          'TABLE_NOT_FOUND',
          `there is no table ${request.table} in schema ${schema}`,
          {
            details: { table: request.table },
          },
        );
      }
      return { table: publicTable(table) };
    },
  };
}
