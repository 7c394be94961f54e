/** A gRPC server on loopback and a channel to it, closed at the end of each test. */
import { credentials, ServerCredentials } from '@grpc/grpc-js';
import { onTestFinished } from 'vitest';
import type { FetchResponse } from '../../proto/gen/skein/internal/v1/exchange.ts';
import {
  ExchangeServiceService,
  FetchRequest,
} from '../../proto/gen/skein/internal/v1/exchange.ts';
import { WorkerControlServiceService } from '../../proto/gen/skein/internal/v1/worker_control.ts';
import type { Clock } from '../../services/common/clock.ts';
import { silentLogger } from '../../services/common/logger.ts';
import { RpcChannel } from '../../services/common/rpc/channel.ts';
import type { ServiceHandlers } from '../../services/common/rpc/method.ts';
import { RpcServer } from '../../services/common/rpc/server.ts';
import { systemClock } from '../../services/common/system-clock.ts';

type Exchange = ServiceHandlers<typeof ExchangeServiceService>;
type Control = ServiceHandlers<typeof WorkerControlServiceService>;

const noPages: Exchange = {
  async *fetch() {},
  acknowledge: () => ({}),
  destroy: () => ({}),
};

export async function startServer(
  handlers: { exchange?: Partial<Exchange>; connect?: Control['connect'] },
  clock: Clock = systemClock,
): Promise<{ server: RpcServer; port: number; channel: RpcChannel }> {
  const server = new RpcServer({
    credentials: ServerCredentials.createInsecure(),
    clock,
    log: silentLogger,
  });
  server.addService(ExchangeServiceService, { ...noPages, ...handlers.exchange });
  server.addService(WorkerControlServiceService, {
    connect: handlers.connect ?? async function* () {},
    reportExit: () => ({}),
  });
  const port = await server.listen('127.0.0.1:0');
  onTestFinished(() => server.shutdown({ graceMs: 0 }));
  return { server, port, channel: openChannel(port) };
}

function openChannel(port: number): RpcChannel {
  const channel = new RpcChannel({
    address: `127.0.0.1:${port}`,
    credentials: credentials.createInsecure(),
    clock: systemClock,
    peer: { unavailable: 'EXCHANGE_FAILED', details: { node_id: 'worker-1' } },
  });
  onTestFinished(() => channel.close());
  return channel;
}

export const never = new AbortController().signal;
export const soon = { signal: never, timeoutMs: 5_000 };
const destroyRequest = { accesses: [] };
export const fetchRequest = FetchRequest.create({ token: 3n });
export const page = (token: number, bytes = 1): FetchResponse => ({
  token: BigInt(token),
  page: new Uint8Array(bytes),
  bufferComplete: false,
});

export function destroy(channel: RpcChannel, options = soon): Promise<unknown> {
  return channel.unary(ExchangeServiceService.destroy, destroyRequest, options);
}

/** Resolves when the call that a handler serves is over. */
export function abortionOf(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener('abort', () => resolve(signal.reason));
  });
}
