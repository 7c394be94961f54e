import type { TableDescription } from '../../../proto/gen/skein/internal/v1/planner.ts';
import {
  type ListResponse,
  type NodeDescription,
  QueryCoordinatorServiceService as METHODS,
  type QueryInfo,
  ResultCommitment as WireCommitment,
  type ResultLocation as WireLocation,
  type SubmitRequest,
  type SubmitResponse,
  type WatchResultsResponse,
} from '../../../proto/gen/skein/internal/v1/query_coordinator.ts';
import type { Clock } from '../../common/clock.ts';
import type { ErrorCode } from '../../common/error.ts';
import { EngineError } from '../../common/error.ts';
import type { RpcChannel } from '../../common/rpc/channel.ts';
import { columnsFromWire } from '../../common/rpc/column-type-wire.ts';
import { outputLocationFromWire } from '../../common/rpc/split-wire.ts';
import type { Principal } from '../../common/task/task-status.ts';
import { EarlyResults } from '../result/early-results.ts';
import type { ResultCommitment, ResultLocation, ResultUpdate } from '../result/ports.ts';

/** Any answer of the coordinator but a plan's comes at once. */
const CALL_TIMEOUT_MS = 10_000;
/** Admission waits for nothing, but a loaded coordinator answers late. */
const SUBMIT_TIMEOUT_MS = 60_000;

/** What only the first message of a result says. */
type SharedOfResult = Pick<ResultUpdate, 'columns' | 'capability'>;

/** The coordinator, as the gateway calls it. All failures are EngineErrors. */
export class CoordinatorClient {
  readonly #channel: RpcChannel;
  readonly #clock: Clock;
  readonly #earlyResults: EarlyResults;

  constructor(channel: RpcChannel, clock: Clock) {
    this.#channel = channel;
    this.#clock = clock;
    this.#earlyResults = new EarlyResults(clock);
  }

  /** The query once it is admitted. The call goes on to tell of its result, in case that is fetched soon. */
  async submit(
    request: SubmitRequest & { readonly principal: Principal },
    signal: AbortSignal,
  ): Promise<QueryInfo> {
    const call = new AbortController();
    const cancel = (): void => call.abort(signal.reason);
    signal.addEventListener('abort', cancel, { once: true });
    const stopTimer = this.#clock.schedule(SUBMIT_TIMEOUT_MS, () => {
      const message = `the coordinator did not answer within ${SUBMIT_TIMEOUT_MS} ms`;
      call.abort(new EngineError('COORDINATOR_UNAVAILABLE', message));
    });
    try {
      const messages = this.#channel.serverStream(METHODS.submit, request, { signal: call.signal });
      const first = await messages.next();
      const query = known(first.done === true ? undefined : first.value.query);
      const updates = resultUpdates(resultsOf(messages));
      this.#earlyResults.hold(query.queryId, request.principal, { updates, call });
      return query;
    } finally {
      stopTimer();
      signal.removeEventListener('abort', cancel);
    }
  }

  async get(principal: Principal, queryId: string, signal: AbortSignal): Promise<QueryInfo> {
    const options = { timeoutMs: CALL_TIMEOUT_MS, signal };
    const { query } = await this.#channel.unary(METHODS.get, { principal, queryId }, options);
    return known(query);
  }

  list(
    principal: Principal,
    page: { readonly pageSize: number; readonly pageToken: string },
    signal: AbortSignal,
  ): Promise<ListResponse> {
    return this.#channel.unary(
      METHODS.list,
      { principal, ...page },
      { timeoutMs: CALL_TIMEOUT_MS, signal },
    );
  }

  async cancel(
    principal: Principal,
    query: {
      readonly queryId: string;
      /** Instead of the query's id. */
      readonly requestId: string;
      readonly code: ErrorCode;
      readonly reason: string;
    },
    signal: AbortSignal,
  ): Promise<QueryInfo> {
    const options = { timeoutMs: CALL_TIMEOUT_MS, signal };
    const { query: info } = await this.#channel.unary(
      METHODS.cancel,
      { principal, ...query },
      options,
    );
    return known(info);
  }

  async *watch(
    principal: Principal,
    queryId: string,
    signal: AbortSignal,
  ): AsyncGenerator<QueryInfo, void, void> {
    for await (const { query } of this.#channel.serverStream(
      METHODS.watch,
      { principal, queryId },
      { signal },
    )) {
      yield known(query);
    }
  }

  /** The same as `watchResults`, without another call when the query was submitted here a moment ago. */
  firstResults(
    principal: Principal,
    queryId: string,
    signal: AbortSignal,
  ): AsyncIterable<ResultUpdate> {
    const early = this.#earlyResults.take(queryId, principal);
    if (early === undefined) return this.watchResults(principal, queryId, signal);
    signal.addEventListener('abort', () => early.call.abort(signal.reason), { once: true });
    return early.updates;
  }

  /** What becomes known of the result; fails with the query's error. */
  async *watchResults(
    principal: Principal,
    queryId: string,
    signal: AbortSignal,
  ): AsyncGenerator<ResultUpdate, void, void> {
    const options = { signal };
    yield* resultUpdates(
      this.#channel.serverStream(METHODS.watchResults, { principal, queryId }, options),
    );
  }

  async renewLease(
    principal: Principal,
    lease: { readonly queryId: string; readonly leaseMs: number },
    signal: AbortSignal,
  ): Promise<void> {
    await this.#channel.unary(
      METHODS.renewLease,
      { principal, ...lease },
      { timeoutMs: CALL_TIMEOUT_MS, signal },
    );
  }

  async releaseResult(principal: Principal, queryId: string, signal: AbortSignal): Promise<void> {
    const options = { timeoutMs: CALL_TIMEOUT_MS, signal };
    await this.#channel.unary(METHODS.releaseResult, { principal, queryId }, options);
  }

  async listNodes(principal: Principal, signal: AbortSignal): Promise<readonly NodeDescription[]> {
    const options = { timeoutMs: CALL_TIMEOUT_MS, signal };
    return (await this.#channel.unary(METHODS.listNodes, { principal }, options)).nodes;
  }

  async listTables(
    principal: Principal,
    catalog: string,
    signal: AbortSignal,
  ): Promise<readonly TableDescription[]> {
    const options = { timeoutMs: SUBMIT_TIMEOUT_MS, signal };
    return (await this.#channel.unary(METHODS.listCatalogTables, { principal, catalog }, options))
      .tables;
  }

  close(): void {
    this.#earlyResults.close();
    this.#channel.close();
  }
}

function known(query: QueryInfo | undefined): QueryInfo {
  if (query === undefined)
    throw new EngineError('INTERNAL_ERROR', 'the coordinator answered without a query');
  return query;
}

async function* resultsOf(
  messages: AsyncIterable<SubmitResponse>,
): AsyncGenerator<WatchResultsResponse, void, void> {
  for await (const { results } of messages) {
    if (results === undefined)
      throw new EngineError('INTERNAL_ERROR', 'the coordinator sent a message without results');
    yield results;
  }
}

async function* resultUpdates(
  messages: AsyncIterable<WatchResultsResponse>,
): AsyncGenerator<ResultUpdate, void, void> {
  let shared: SharedOfResult | undefined;
  for await (const message of messages) {
    shared ??= {
      columns: columnsFromWire(message.columns, 'columns'),
      capability: message.capability,
    };
    yield resultUpdate(message, shared);
  }
}

function resultUpdate(message: WatchResultsResponse, shared: SharedOfResult): ResultUpdate {
  return {
    ...shared,
    attempt: message.attempt,
    locations: message.locations.map(resultLocation),
    noMoreLocations: message.noMoreLocations,
    commitment: commitmentOf(message.commitment),
    resultReplayBytes: Number(message.resultReplayBytes),
    timeZone: message.timeZone,
  };
}

function resultLocation(wire: WireLocation, index: number): ResultLocation {
  const field = `locations[${index}].location`;
  if (wire.location === undefined) throw new EngineError('INVALID_REQUEST', `${field} is missing`);
  const location = outputLocationFromWire(wire.location, field);
  return wire.isInline ? { location, inlinePages: wire.inlinePages } : { location };
}

function commitmentOf(wire: WireCommitment): ResultCommitment {
  switch (wire) {
    case WireCommitment.RESULT_COMMITMENT_COMMITTED:
      return 'committed';
    case WireCommitment.RESULT_COMMITMENT_WITHHELD:
      return 'withheld';
    case WireCommitment.RESULT_COMMITMENT_SUPERSEDED:
      return 'superseded';
    default:
      throw new EngineError('INVALID_REQUEST', `commitment ${wire} is not known`);
  }
}
