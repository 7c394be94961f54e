/** The public API as tests call it: skein.v1 of a gateway, results read as texts, errors as EngineErrors. */
import { RecordBatchReader } from 'apache-arrow';
import { CatalogServiceService, type Table } from '../../proto/gen/skein/v1/catalog.ts';
import { ClusterServiceService, type Node } from '../../proto/gen/skein/v1/cluster.ts';
import {
  type FetchResultsResponse,
  type ListQueriesResponse,
  type Query,
  QueryServiceService,
  QueryState,
  type SubmitQueryRequest,
} from '../../proto/gen/skein/v1/query.ts';
import { rowsOf } from '../../services/cli/format/batch-rows.ts';
import { cellText } from '../../services/cli/format/cell.ts';
import { RpcChannel } from '../../services/common/rpc/channel.ts';
import { channelCredentials } from '../../services/common/rpc/credentials.ts';
import type { UnaryMethod } from '../../services/common/rpc/method.ts';
import { systemClock } from '../../services/common/system-clock.ts';

export type Properties = Readonly<Record<string, string>>;

export interface TextResult {
  readonly queryId: string;
  readonly columnNames: readonly string[];
  /** As DuckDB's cast to VARCHAR writes them; NULL is null. */
  readonly rows: readonly (readonly (string | null)[])[];
}

const TIMEOUT_MS = 30_000;
const NO_BYTES = new Uint8Array();

const FIRST_PAGE = { pageSize: 0, pageToken: '' };

export class SkeinClient implements Disposable {
  readonly #channel: RpcChannel;
  readonly #signal = new AbortController().signal;

  constructor(address: string) {
    this.#channel = new RpcChannel({
      address,
      credentials: channelCredentials(undefined),
      clock: systemClock,
      peer: { unavailable: 'COORDINATOR_UNAVAILABLE', details: { address } },
    });
  }

  [Symbol.dispose](): void {
    this.#channel.close();
  }

  async submit(
    sql: string,
    sessionProperties: Properties = {},
    more: Partial<SubmitQueryRequest> = {},
  ): Promise<Query> {
    const request = {
      sql,
      sessionProperties,
      sessionDefaults: {},
      requestId: '',
      session: NO_BYTES,
      parameters: NO_BYTES,
      ...more,
    };
    return known((await this.#call(QueryServiceService.submitQuery, request)).query);
  }

  async get(queryId: string): Promise<Query> {
    return known((await this.#call(QueryServiceService.getQuery, { queryId })).query);
  }

  async cancel(queryId: string): Promise<Query> {
    return known(
      (await this.#call(QueryServiceService.cancelQuery, { queryId, requestId: '' })).query,
    );
  }

  async cancelRequest(requestId: string): Promise<Query> {
    const message = { queryId: '', requestId };
    return known((await this.#call(QueryServiceService.cancelQuery, message)).query);
  }

  list(pageSize = 0, pageToken = ''): Promise<ListQueriesResponse> {
    return this.#call(QueryServiceService.listQueries, { pageSize, pageToken });
  }

  async *watch(queryId: string, signal = this.#signal): AsyncGenerator<Query, void, void> {
    const { watchQuery } = QueryServiceService;
    for await (const { query } of this.#channel.serverStream(watchQuery, { queryId }, { signal }))
      yield known(query);
  }

  fetch(
    queryId: string,
    token: Uint8Array = NO_BYTES,
    signal = this.#signal,
  ): AsyncIterableIterator<FetchResultsResponse> {
    const { fetchResults } = QueryServiceService;
    return this.#channel.serverStream(fetchResults, { queryId, token }, { signal });
  }

  async nodes(): Promise<readonly Node[]> {
    return (await this.#call(ClusterServiceService.listNodes, FIRST_PAGE)).nodes;
  }

  async tables(catalog = ''): Promise<readonly Table[]> {
    return (await this.#call(CatalogServiceService.listTables, { catalog, ...FIRST_PAGE })).tables;
  }

  async table(table: string, schema = ''): Promise<Table | undefined> {
    const request = { catalog: '', schema, table };
    return (await this.#call(CatalogServiceService.getTable, request)).table;
  }

  /** Runs a statement to its end and releases its result. */
  async run(sql: string, properties: Properties = {}): Promise<TextResult> {
    const { queryId, arrowIpc } = await this.runToArrow(sql, properties);
    return { queryId, ...textRows(arrowIpc) };
  }

  /** The whole result of a query that was submitted, released. */
  async readText(queryId: string): Promise<TextResult> {
    const whole = await this.readAll(queryId);
    await this.release(queryId, whole.token);
    return { queryId, ...textRows(whole.arrowIpc) };
  }

  async runToArrow(
    sql: string,
    properties: Properties = {},
  ): Promise<{ queryId: string; arrowIpc: Uint8Array }> {
    const { queryId } = await this.submit(sql, properties);
    const whole = await this.readAll(queryId);
    await this.release(queryId, whole.token);
    return { queryId, arrowIpc: whole.arrowIpc };
  }

  /** All that is behind the token; fails unless the result is complete. */
  async readAll(
    queryId: string,
    token: Uint8Array = NO_BYTES,
  ): Promise<{ arrowIpc: Uint8Array; token: Uint8Array }> {
    const parts: Uint8Array[] = [];
    let last: FetchResultsResponse | undefined;
    for await (const part of this.fetch(queryId, token)) {
      parts.push(part.arrowIpc);
      last = part;
    }
    if (last?.complete !== true) throw new Error('the stream ended before the result did');
    return { arrowIpc: Buffer.concat(parts), token: last.token };
  }

  async release(queryId: string, token: Uint8Array): Promise<void> {
    await this.readAll(queryId, token);
  }

  /** Waits until the query is in one of the states. */
  async until(queryId: string, ...states: readonly QueryState[]): Promise<Query> {
    for await (const query of this.watch(queryId)) if (states.includes(query.state)) return query;
    throw new Error(`query ${queryId} ended and was never in the awaited state`);
  }

  /** Waits for the end. */
  untilEnded(queryId: string): Promise<Query> {
    const { QUERY_STATE_FINISHED, QUERY_STATE_FAILED } = QueryState;
    return this.until(queryId, QUERY_STATE_FINISHED, QUERY_STATE_FAILED);
  }

  #call<Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Request,
  ): Promise<Response> {
    return this.#channel.unary(method, request, { timeoutMs: TIMEOUT_MS, signal: this.#signal });
  }
}

export function textRows(arrowIpc: Uint8Array): Omit<TextResult, 'queryId'> {
  const reader = RecordBatchReader.from(arrowIpc).open();
  const columnNames = reader.schema.fields.map((field) => field.name);
  const rows = [...reader].flatMap((batch) =>
    rowsOf(batch).map((row) => row.map((cell) => (cell.kind === 'null' ? null : cellText(cell)))),
  );
  return { columnNames, rows };
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the answer has no query');
  return value;
}
