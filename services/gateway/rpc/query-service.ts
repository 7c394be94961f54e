import type { QueryInfo } from '../../../proto/gen/skein/internal/v1/query_coordinator.ts';
import type { QueryServiceService } from '../../../proto/gen/skein/v1/query.ts';
import {
  type FetchResultsRequest,
  type FetchResultsResponse,
  type SubmitQueryRequest,
} from '../../../proto/gen/skein/v1/query.ts';
import type { Clock } from '../../common/clock.ts';
import { EngineError } from '../../common/error.ts';
import { parseQueryId } from '../../common/ids.ts';
import type { Logger } from '../../common/logger.ts';
import type { CallContext, ServiceHandlers } from '../../common/rpc/method.ts';
import { sessionFromWire, sessionToWire } from '../../common/rpc/session-wire.ts';
import type { Principal } from '../../common/task/task-status.ts';
import type { ResultPages } from '../result/ports.ts';
import { streamResult } from '../result/result-stream.ts';
import { decodeResultToken } from '../result/result-token.ts';
import type { SessionCodec } from '../session/session-codec.ts';
import type { Caller } from './caller.ts';
import type { CoordinatorClient } from './coordinator-client.ts';
import { publicQuery } from './public-wire.ts';

export interface QueryServiceDeps {
  readonly coordinator: CoordinatorClient;
  /** The pages of results, read in the name of a principal. */
  readonly pagesFor: (principal: Principal) => ResultPages;
  readonly sessions: SessionCodec;
  readonly caller: Caller;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface QueryServiceOptions {
  readonly resultBufferBytes: number;
  /** Time to come back for a client that hung up in the middle of its result. */
  readonly disconnectGraceMs: number;
  /** Session properties that hold where neither session nor request say otherwise. */
  readonly sessionDefaults: Readonly<Record<string, string>>;
}

const MAX_REQUEST_ID_LENGTH = 128;
const NO_SESSION = new Uint8Array();

/** skein.v1.QueryService. Holds nothing between calls: any gateway can go on where another one stopped. */
export function queryService(
  deps: QueryServiceDeps,
  options: QueryServiceOptions,
): ServiceHandlers<typeof QueryServiceService> {
  const { coordinator, caller } = deps;
  return {
    async submitQuery(request, context) {
      return { query: await submit(deps, options, { request, context }) };
    },
    async getQuery(request, context) {
      const info = await coordinator.get(caller(context), queryIdOf(request), context.signal);
      return { query: publicQuery(info, changedSession(deps, info)) };
    },
    async listQueries(request, context) {
      const { pageSize, pageToken } = request;
      const { queries, nextPageToken } = await coordinator.list(
        caller(context),
        { pageSize, pageToken },
        context.signal,
      );
      return { queries: queries.map((info) => publicQuery(info, NO_SESSION)), nextPageToken };
    },
    async cancelQuery(request, context) {
      const cancel = {
        queryId: request.requestId === '' ? queryIdOf(request) : '',
        requestId: request.requestId,
        code: 'QUERY_CANCELLED',
        reason: 'the client cancelled the query',
      } as const;
      const info = await coordinator.cancel(caller(context), cancel, context.signal);
      return { query: publicQuery(info, NO_SESSION) };
    },
    async *watchQuery(request, context) {
      const queryId = queryIdOf(request);
      for await (const info of coordinator.watch(caller(context), queryId, context.signal)) {
        yield { query: publicQuery(info, changedSession(deps, info)) };
      }
    },
    fetchResults: (request, context) => fetchResults(deps, options, { request, context }),
  };
}

/** Empty where the statement has not changed it, or is not planned yet. */
function changedSession({ sessions }: QueryServiceDeps, { session }: QueryInfo): Uint8Array {
  return session === undefined ? NO_SESSION : sessions.encode(sessionFromWire(session, 'session'));
}

function queryIdOf(request: { readonly queryId: string }): string {
  if (parseQueryId(request.queryId) !== undefined) return request.queryId;
  throw new EngineError(
    'QUERY_NOT_FOUND',
    `'${request.queryId.slice(0, 64)}' is not the id of a query`,
  );
}

async function submit(
  deps: QueryServiceDeps,
  options: QueryServiceOptions,
  call: { readonly request: SubmitQueryRequest; readonly context: CallContext },
) {
  const { request, context } = call;
  if (request.requestId.length > MAX_REQUEST_ID_LENGTH) {
    throw new EngineError(
      'INVALID_REQUEST',
      `request_id is longer than ${MAX_REQUEST_ID_LENGTH} characters`,
    );
  }
  const principal = deps.caller(context);
  const session = deps.sessions.decode(request.session);
  const info = await deps.coordinator.submit(
    {
      sql: request.sql,
      principal,
      sessionProperties: {
        ...options.sessionDefaults,
        ...request.sessionDefaults,
        ...session.properties,
        ...request.sessionProperties,
      },
      session: sessionToWire(session),
      requestId: request.requestId,
      parameters: request.parameters,
    },
    context.signal,
  );
  const behind = info.session === undefined ? session : sessionFromWire(info.session, 'session');
  return publicQuery(info, deps.sessions.encode(behind));
}

async function* fetchResults(
  deps: QueryServiceDeps,
  options: QueryServiceOptions,
  call: { readonly request: FetchResultsRequest; readonly context: CallContext },
): AsyncGenerator<FetchResultsResponse, void, void> {
  const { request, context } = call;
  const principal = deps.caller(context);
  const queryId = queryIdOf(request);
  const resumeAt =
    request.token.length === 0 ? undefined : decodeResultToken(request.token, queryId);
  if (resumeAt?.complete === true) {
    await deps.coordinator.releaseResult(principal, queryId, context.signal);
    yield { arrowIpc: new Uint8Array(), token: request.token, complete: true };
    return;
  }
  const chunks = streamResult(
    {
      queryId,
      updates:
        resumeAt === undefined
          ? deps.coordinator.firstResults(principal, queryId, context.signal)
          : deps.coordinator.watchResults(principal, queryId, context.signal),
      pages: deps.pagesFor(principal),
      clock: deps.clock,
      resumeAt,
      maxBufferedBytes: options.resultBufferBytes,
    },
    context.signal,
  );
  let complete = false;
  try {
    for await (const chunk of chunks) {
      complete = chunk.complete;
      yield { arrowIpc: chunk.arrowIpc, token: chunk.token ?? new Uint8Array(), complete };
    }
  } finally {
    if (!complete && context.signal.aborted)
      shortenLease(deps, { principal, queryId, leaseMs: options.disconnectGraceMs });
  }
}

/** The client hung up: unless somebody comes back for the rest soon, the query is not wanted any more. */
function shortenLease(
  deps: QueryServiceDeps,
  lease: { readonly principal: Principal; readonly queryId: string; readonly leaseMs: number },
): void {
  const { coordinator, log } = deps;
  const { principal, queryId, leaseMs } = lease;
  // The call's own signal is aborted by now; the order is bounded by its deadline.
  coordinator
    .renewLease(principal, { queryId, leaseMs }, new AbortController().signal)
    .catch((error: unknown) => {
      log.warn(
        { queryId, error: String(error) },
        'could not shorten the lease of a query whose client hung up',
      );
    });
}
