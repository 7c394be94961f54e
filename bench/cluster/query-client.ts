import { credentials, type ClientUnaryCall, type ServiceError } from '@grpc/grpc-js';
import {
  ClusterServiceClient,
  type ListNodesResponse,
  type Node,
} from '../../proto/gen/skein/v1/cluster.ts';
import {
  type GetQueryResponse,
  type Query,
  QueryServiceClient,
  type SubmitQueryResponse,
} from '../../proto/gen/skein/v1/query.ts';

/** A result as a client receives it: one Arrow IPC stream, and how long it took. */
export interface QueryRun {
  readonly queryId: string;
  readonly arrowIpc: Uint8Array;
  /** From the submission to the last byte. */
  readonly seconds: number;
}

/** A plain client of skein.v1 on one connection, made of nothing but the generated code. */
export class QueryClient {
  readonly #queries: QueryServiceClient;
  readonly #cluster: ClusterServiceClient;

  constructor(address: string) {
    const options = {
      'grpc-node.flow_control_window': 4 << 20,
      'grpc.max_receive_message_length': 8 << 20,
    };
    this.#queries = new QueryServiceClient(address, credentials.createInsecure(), options);
    this.#cluster = new ClusterServiceClient(address, credentials.createInsecure(), options);
  }

  /** Runs one statement to its end. @throws the call's ServiceError when the query fails. */
  async run(sql: string, sessionProperties: Readonly<Record<string, string>>): Promise<QueryRun> {
    const startedAt = performance.now();
    const request = {
      sql,
      sessionProperties: { ...sessionProperties },
      sessionDefaults: {},
      requestId: '',
      session: new Uint8Array(),
      parameters: new Uint8Array(),
    };
    const { query } = await unary<SubmitQueryResponse>((done) =>
      this.#queries.submitQuery(request, done),
    );
    if (query === undefined) throw new Error('SubmitQuery answered without a query');
    const chunks: Uint8Array[] = [];
    let complete = false;
    let token: Uint8Array = new Uint8Array();
    for await (const response of this.#queries.fetchResults({
      queryId: query.queryId,
      token: new Uint8Array(),
    })) {
      chunks.push(response.arrowIpc);
      ({ complete, token } = response);
    }
    const seconds = (performance.now() - startedAt) / 1000;
    if (!complete) throw new Error(`the result of ${query.queryId} ended before it was complete`);
    await this.#release(query.queryId, token);
    return { queryId: query.queryId, arrowIpc: Buffer.concat(chunks), seconds };
  }

  /** Says that all of the result is here, so that nobody keeps it; after the clock has stopped. */
  async #release(queryId: string, token: Uint8Array): Promise<void> {
    for await (const { complete } of this.#queries.fetchResults({ queryId, token })) {
      if (!complete) throw new Error(`the result of ${queryId} went on behind its end`);
    }
  }

  async describe(queryId: string): Promise<Query> {
    const { query } = await unary<GetQueryResponse>((done) =>
      this.#queries.getQuery({ queryId }, done),
    );
    if (query === undefined) throw new Error(`GetQuery answered without ${queryId}`);
    return query;
  }

  async listNodes(): Promise<readonly Node[]> {
    const page = { pageSize: 0, pageToken: '' };
    const { nodes } = await unary<ListNodesResponse>((done) => this.#cluster.listNodes(page, done));
    return nodes;
  }

  close(): void {
    this.#queries.close();
    this.#cluster.close();
  }
}

type UnaryCallback<Response> = (error: ServiceError | null, response: Response) => void;

function unary<Response>(
  call: (done: UnaryCallback<Response>) => ClientUnaryCall,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    call((error, response) => (error === null ? resolve(response) : reject(error)));
  });
}
