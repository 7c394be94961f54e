import type {
  CancelRequest,
  QueryCoordinatorServiceService,
  QueryInfo,
  SubmitRequest,
  SubmitResponse,
  WatchResultsRequest,
  WatchResultsResponse,
} from '../../../proto/gen/skein/internal/v1/query_coordinator.ts';
import type { TableDescription } from '../../../proto/gen/skein/internal/v1/planner.ts';
import type { ErrorCode } from '../../common/error.ts';
import type { CallContext, ServiceHandlers } from '../../common/rpc/method.ts';
import { sessionFromWire } from '../../common/rpc/session-wire.ts';
import { principalFromWire } from '../../common/rpc/task-wire.ts';
import { parsed } from '../../common/rpc/wire-field.ts';
import type { Principal } from '../../common/task/task-status.ts';
import { mayChangeSession } from '../query/may-change-session.ts';
import type { QueryRegistry } from '../query/query-registry.ts';
import type { ResultUpdate } from '../query/query-report.ts';
import type { WorkerDirectory } from '../runtime/worker-directory.ts';
import type { CoordinatorDescription } from '../system/cluster-snapshot.ts';
import {
  coordinatorToWire,
  queryReportToWire,
  resultUpdateToWire,
  workerToWire,
} from './query-wire.ts';

/** Lists the tables that a principal may see. */
export type ListTables = (
  request: { readonly principal: Principal; readonly catalog: string },
  signal: AbortSignal,
) => Promise<readonly TableDescription[]>;

export interface QueryCoordinatorDeps {
  readonly registry: QueryRegistry;
  readonly workers: WorkerDirectory;
  readonly listTables: ListTables;
  readonly describeCoordinator: () => CoordinatorDescription;
}

const CANCEL_CODES: readonly ErrorCode[] = ['QUERY_CANCELLED', 'QUERY_ABANDONED'];

/** skein.internal.v1.QueryCoordinatorService: translates between the wire and the query registry. */
export function queryCoordinatorService(
  deps: QueryCoordinatorDeps,
): ServiceHandlers<typeof QueryCoordinatorServiceService> {
  const { registry, workers } = deps;
  return {
    submit: (request, context) => submit(registry, request, context),
    get: (request) => ({
      query: queryReportToWire(registry.get(request.queryId, principalOf(request))),
    }),
    list(request) {
      const page = registry.list(principalOf(request), request);
      return {
        queries: page.queries.map((report) => ({
          ...queryReportToWire(report),
          session: undefined,
        })),
        nextPageToken: page.nextPageToken,
      };
    },
    async *watch(request, { signal }) {
      for await (const report of registry.watch(request.queryId, principalOf(request), signal)) {
        yield { query: queryReportToWire(report) };
      }
    },
    watchResults: (request, context) => watchResults(registry, request, context),
    renewLease(request) {
      registry.renewLease(request.queryId, principalOf(request), request.leaseMs);
      return {};
    },
    releaseResult(request) {
      registry.releaseResult(request.queryId, principalOf(request));
      return {};
    },
    cancel: async (request) => ({ query: await cancel(registry, request) }),
    listNodes(request) {
      principalOf(request);
      return {
        nodes: [
          coordinatorToWire(deps.describeCoordinator()),
          ...workers.describe().map(workerToWire),
        ],
      };
    },
    async listCatalogTables(request, { signal }) {
      const { catalog } = request;
      const tables = await deps.listTables({ principal: principalOf(request), catalog }, signal);
      return { tables };
    },
  };
}

function principalOf(request: Pick<SubmitRequest, 'principal'>): Principal {
  return principalFromWire(request.principal, 'principal');
}

async function* submit(
  registry: QueryRegistry,
  request: SubmitRequest,
  { signal }: CallContext,
): AsyncGenerator<SubmitResponse, void, void> {
  const { sql, sessionProperties, requestId } = request;
  const principal = principalOf(request);
  const { queryId } = registry.submit({
    sql,
    principal,
    sessionProperties,
    session: sessionFromWire(request.session, 'session'),
    requestId,
    // A copy: decoded bytes are a view that would keep the whole message alive.
    parameters: Uint8Array.from(request.parameters),
  });
  // Its answer says what the session has become.
  if (mayChangeSession(sql)) await registry.untilPlanned(queryId, principal, signal);
  yield { query: queryReportToWire(registry.get(queryId, principal)), results: undefined };
  const updates = registry.previewResults(queryId, principal, signal);
  for await (const results of resultsToWire(updates)) yield { query: undefined, results };
}

async function cancel(registry: QueryRegistry, request: CancelRequest): Promise<QueryInfo> {
  const code = parsed(request.code, (text) => CANCEL_CODES.find((each) => each === text), 'code');
  const error = { code, message: request.reason };
  const principal = principalOf(request);
  const queryId = request.queryId || registry.queryOfRequest(request.requestId, principal);
  return queryReportToWire(await registry.cancel(queryId, principal, error));
}

function watchResults(
  registry: QueryRegistry,
  request: WatchResultsRequest,
  { signal }: CallContext,
): AsyncIterable<WatchResultsResponse> {
  return resultsToWire(registry.watchResults(request.queryId, principalOf(request), signal));
}

async function* resultsToWire(
  updates: AsyncIterable<ResultUpdate>,
): AsyncGenerator<WatchResultsResponse, void, void> {
  let isFirst = true;
  for await (const update of updates) {
    yield resultUpdateToWire(update, isFirst);
    isFirst = false;
  }
}
