import type { TableDescription } from '../../../proto/gen/skein/internal/v1/planner.ts';
import {
  type ListResponse,
  type NodeDescription,
  QueryCoordinatorServiceService as METHODS,
  type QueryInfo,
  ResultCommitment as WireCommitment,
  type ResultLocation as WireLocation,
  type SubmitRequest,
  type WatchResultsResponse,
} from '../../../proto/gen/skein/internal/v1/query_coordinator.ts';
import type { ErrorCode } from '../../common/error.ts';
import { EngineError } from '../../common/error.ts';
import type { RpcChannel } from '../../common/rpc/channel.ts';
import { columnsFromWire } from '../../common/rpc/column-type-wire.ts';
import { outputLocationFromWire } from '../../common/rpc/split-wire.ts';
import type { Principal } from '../../common/task/task-status.ts';
import type { ResultCommitment, ResultLocation, ResultUpdate } from '../result/ports.ts';

/** Any answer of the coordinator but a plan's comes at once. */
const CALL_TIMEOUT_MS = 10_000;
/** Admission waits for nothing, but a loaded coordinator answers late. */
const SUBMIT_TIMEOUT_MS = 60_000;

/** The coordinator, as the gateway calls it. All failures are EngineErrors. */
export class CoordinatorClient {
  readonly #channel: RpcChannel;

  constructor(channel: RpcChannel) {
    this.#channel = channel;
  }

  async submit(request: SubmitRequest, signal: AbortSignal): Promise<QueryInfo> {
    const options = { timeoutMs: SUBMIT_TIMEOUT_MS, signal };
    const { query } = await this.#channel.unary(METHODS.submit, request, options);
    return known(query);
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
    query: { readonly queryId: string; readonly code: ErrorCode; readonly reason: string },
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

  /** What becomes known of the result; fails with the query's error. */
  async *watchResults(
    principal: Principal,
    queryId: string,
    signal: AbortSignal,
  ): AsyncGenerator<ResultUpdate, void, void> {
    const first: { columns: ResultUpdate['columns']; capability: Uint8Array } = {
      columns: [],
      capability: new Uint8Array(),
    };
    let isFirst = true;
    const messages = this.#channel.serverStream(
      METHODS.watchResults,
      { principal, queryId },
      { signal },
    );
    for await (const message of messages) {
      if (isFirst) {
        first.columns = columnsFromWire(message.columns, 'columns');
        first.capability = message.capability;
        isFirst = false;
      }
      yield resultUpdate(message, first);
    }
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
    this.#channel.close();
  }
}

function known(query: QueryInfo | undefined): QueryInfo {
  if (query === undefined)
    throw new EngineError('INTERNAL_ERROR', 'the coordinator answered without a query');
  return query;
}

function resultUpdate(
  message: WatchResultsResponse,
  first: { readonly columns: ResultUpdate['columns']; readonly capability: Uint8Array },
): ResultUpdate {
  return {
    ...first,
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
