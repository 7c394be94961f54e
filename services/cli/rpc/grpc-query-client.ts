import {
  AdmissionFactor,
  type AdmissionWait,
  type Query,
  QueryServiceService as METHODS,
  QueryState,
} from '../../../proto/gen/skein/v1/query.ts';
import type { Duration } from '../../../proto/gen/google/protobuf/duration.ts';
import type { ClientTlsFiles } from '../../common/config/tls-files.ts';
import { EngineError } from '../../common/error.ts';
import { RpcChannel } from '../../common/rpc/channel.ts';
import { clientCredentials } from '../../common/rpc/credentials.ts';
import { systemClock } from '../../common/system-clock.ts';
import type { QueryClient, QueryProgress, ResultPart } from '../sql/query-client.ts';

const SUBMIT_TIMEOUT_MS = 120_000;
const CANCEL_TIMEOUT_MS = 5_000;

const UNPLANNED: readonly QueryState[] = [
  QueryState.QUERY_STATE_QUEUED,
  QueryState.QUERY_STATE_PLANNING,
];

/** A client of the gateway at host:port. Connects at the first call. */
export function connectQueryClient(address: string, tls?: ClientTlsFiles): QueryClient {
  const channel = new RpcChannel({
    address,
    credentials: clientCredentials(tls),
    clock: systemClock,
    peer: {
      unavailable: 'GATEWAY_UNAVAILABLE',
      message: `no gateway answers at ${address}`,
      details: { address },
    },
  });
  return {
    async submit(request, signal) {
      const message = {
        sql: request.sql,
        sessionProperties: {},
        sessionDefaults: request.sessionDefaults,
        session: request.session,
        requestId: request.requestId,
        parameters: new Uint8Array(),
      };
      const { query } = await channel.unary(METHODS.submitQuery, message, {
        timeoutMs: SUBMIT_TIMEOUT_MS,
        signal,
      });
      if (query === undefined)
        throw new EngineError('INTERNAL_ERROR', 'the gateway answered without a query');
      const isPlanned = !UNPLANNED.includes(query.state);
      return { queryId: query.queryId, session: query.session, isPlanned };
    },
    fetchResults: (queryId, token, signal): AsyncIterable<ResultPart> =>
      channel.serverStream(METHODS.fetchResults, { queryId, token }, { signal }),
    async *watch(queryId, signal) {
      for await (const { query } of channel.serverStream(
        METHODS.watchQuery,
        { queryId },
        { signal },
      )) {
        if (query !== undefined) yield progressOf(query);
      }
    },
    async changedSession(queryId, signal) {
      const options = { timeoutMs: SUBMIT_TIMEOUT_MS, signal };
      const { query } = await channel.unary(METHODS.getQuery, { queryId }, options);
      return query === undefined || query.session.length === 0 ? undefined : query.session;
    },
    async cancel(query) {
      const { signal } = new AbortController();
      const message = { queryId: '', requestId: '', ...query };
      await channel.unary(METHODS.cancelQuery, message, { timeoutMs: CANCEL_TIMEOUT_MS, signal });
    },
    close: () => channel.close(),
  };
}

function progressOf(query: Query): QueryProgress {
  const { progress } = query;
  return {
    queryId: query.queryId,
    state: stateName(query.state),
    completedSplits: progress?.completedSplits ?? 0,
    totalSplits: progress?.totalSplits ?? 0,
    inputRows: Number(progress?.inputRows ?? 0n),
    inputBytes: Number(progress?.inputBytes ?? 0n),
    elapsedMs: millisecondsOf(progress?.elapsedTime),
    ...admissionWaitOf(progress?.admissionWait),
  };
}

function admissionWaitOf(wait: AdmissionWait | undefined): Pick<QueryProgress, 'admissionWait'> {
  if (wait === undefined) return {};
  const name = Object.entries(AdmissionFactor).find(([, value]) => value === wait.factor)?.[0];
  const factor = (name ?? '').replace('ADMISSION_FACTOR_', '').toLowerCase();
  return { admissionWait: { resourceGroup: wait.resourceGroup, factor } };
}

function stateName(state: QueryState): string {
  const name = Object.entries(QueryState).find(([, value]) => value === state)?.[0] ?? '';
  return name.replace('QUERY_STATE_', '');
}

function millisecondsOf(duration: Duration | undefined): number {
  return duration === undefined ? 0 : Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}
