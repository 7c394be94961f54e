import type { TableDescription } from '../../../proto/gen/skein/internal/v1/planner.ts';
import type { NodeDescription } from '../../../proto/gen/skein/internal/v1/query_coordinator.ts';
import type { CatalogServiceService } from '../../../proto/gen/skein/v1/catalog.ts';
import type { ClusterServiceService } from '../../../proto/gen/skein/v1/cluster.ts';
import { EngineError } from '../../common/error.ts';
import type { ServiceHandlers } from '../../common/rpc/method.ts';
import type { Caller } from './caller.ts';
import type { CoordinatorClient } from './coordinator-client.ts';
import { type ListOrder, listPage } from './list-page.ts';
import { publicNode, publicTable } from './public-wire.ts';

/** Numbers, times and short texts. */
const ITEM_BYTES = 256;

const NODE_ORDER: ListOrder<NodeDescription> = {
  keyOf: ({ role, nodeId }) => `${role} ${nodeId}`,
  bytesOf: ({ nodeId, address }) => ITEM_BYTES + nodeId.length + address.length,
};

const TABLE_ORDER: ListOrder<TableDescription> = {
  keyOf: ({ schema, name }) => JSON.stringify([schema, name]),
  bytesOf: ({ columns }) =>
    columns.reduce((sum, { name, type }) => sum + 8 + 3 * (name.length + type.length), ITEM_BYTES),
};

/** skein.v1.ClusterService */
export function clusterService(
  coordinator: CoordinatorClient,
  caller: Caller,
): ServiceHandlers<typeof ClusterServiceService> {
  return {
    async listNodes(request, context) {
      const nodes = await coordinator.listNodes(caller(context), context.signal);
      const { items, nextPageToken } = listPage(nodes, NODE_ORDER, request);
      return { nodes: items.map(publicNode), nextPageToken };
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
      const { items, nextPageToken } = listPage(tables, TABLE_ORDER, request);
      return { tables: items.map(publicTable), nextPageToken };
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
