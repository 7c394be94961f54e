import { QueryCoordinatorServiceService } from '../../../proto/gen/skein/internal/v1/query_coordinator.ts';
import { WorkerControlServiceService } from '../../../proto/gen/skein/internal/v1/worker_control.ts';
import type { BufferServer } from '../../common/exchange/page-source.ts';
import { exchangeHandlers } from '../../common/rpc/exchange-handlers.ts';
import { exchangeService } from '../../common/rpc/exchange-wire.ts';
import type { RpcServer } from '../../common/rpc/server.ts';
import type { QueryCoordinatorDeps } from './query-coordinator-service.ts';
import { queryCoordinatorService } from './query-coordinator-service.ts';
import type { WorkerControlDeps } from './worker-control-service.ts';
import { workerControlService } from './worker-control-service.ts';
import type { CoordinatorTraits } from './worker-control-wire.ts';

/** All that a coordinator serves: to gateways, and to workers and their supervisors. */
export function addCoordinatorServices(
  server: RpcServer,
  deps: QueryCoordinatorDeps & WorkerControlDeps & { readonly systemBuffers: BufferServer },
  traits: CoordinatorTraits,
): void {
  server.addService(QueryCoordinatorServiceService, queryCoordinatorService(deps));
  server.addService(exchangeService, exchangeHandlers(deps.systemBuffers));
  server.addService(WorkerControlServiceService, workerControlService(deps, traits));
}
