/** Composition root of the gateway: `startGateway` inside another process, or this file as a process. */
import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import type { Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import { isProcessEntry, runAsProcess } from '../common/process/run-as-process.ts';
import { RpcChannel } from '../common/rpc/channel.ts';
import { channelCredentials, serverCredentials } from '../common/rpc/credentials.ts';
import { GrpcExchangePages } from '../common/rpc/exchange-page-source.ts';
import { RpcServer } from '../common/rpc/server.ts';
import { systemClock } from '../common/system-clock.ts';
import { trustingAuthenticator } from './auth/authenticator.ts';
import { type GatewayConfig, gatewayConfigFromProcess } from './config.ts';
import { callerBy } from './rpc/caller.ts';
import { CoordinatorClient } from './rpc/coordinator-client.ts';
import { addPublicServices } from './rpc/public-services.ts';
import { ExchangeResultPages } from './rpc/result-pages.ts';
import { SessionCodec } from './session/session-codec.ts';

export interface RunningGateway {
  /** host:port of its gRPC services. */
  readonly address: string;
  /** Running calls get `graceMs` to end. */
  close(graceMs: number): Promise<void>;
}

export async function startGateway(
  config: GatewayConfig,
  deps: { readonly clock: Clock; readonly log: Logger },
): Promise<RunningGateway> {
  const { clock, log } = deps;
  const credentials = channelCredentials(config.tls);
  const coordinator = new CoordinatorClient(
    new RpcChannel({
      address: config.coordinatorAddress,
      credentials,
      clock,
      peer: {
        unavailable: 'COORDINATOR_UNAVAILABLE',
        details: { address: config.coordinatorAddress },
      },
    }),
    clock,
  );
  const exchange = new GrpcExchangePages({ credentials, clock });
  const caller = callerBy(trustingAuthenticator);
  const key = config.sessionSecret === '' ? randomBytes(32) : Buffer.from(config.sessionSecret);
  const server = new RpcServer({ credentials: serverCredentials(config.tls), clock, log });
  const sessions = new SessionCodec(key);
  addPublicServices(
    server,
    {
      coordinator,
      pagesFor: (principal) => new ExchangeResultPages({ source: exchange, clock, principal }),
      sessions,
      caller,
      clock,
      log,
    },
    config,
  );
  const port = await server.listen(`${config.host}:${config.port}`);
  server.setServing(true);
  const close = async (graceMs: number): Promise<void> => {
    await server.shutdown({ graceMs });
    exchange.close();
    coordinator.close();
  };
  return { address: `${config.host}:${port}`, close };
}

if (isProcessEntry(import.meta.url)) {
  await runAsProcess('gateway', async () => {
    const config = gatewayConfigFromProcess();
    const log = pino({ name: 'gateway', level: config.logLevel }, process.stderr);
    const gateway = await startGateway(config, { clock: systemClock, log });
    return { address: gateway.address, close: (graceMs) => gateway.close(graceMs) };
  });
}
