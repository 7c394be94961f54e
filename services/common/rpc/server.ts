import type {
  ServerCredentials,
  ServerOptions,
  ServiceDefinition,
  UntypedHandleCall,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { Server } from '@grpc/grpc-js';
import type { Clock } from '../clock.ts';
import { EngineError } from '../error.ts';
import type { Logger } from '../logger.ts';
import { bodyDeadline } from './body-deadline.ts';
import { HealthService } from './health-service.ts';
import type {
  BidiHandler,
  RpcMethod,
  ServerStreamHandler,
  ServiceHandlers,
  UnaryHandler,
} from './method.ts';
import { MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES } from './method-limits.ts';
import { quietGrpc } from './quiet-grpc.ts';
import type { StatusOfFailure } from './server-call.ts';
import {
  bidiCall,
  decodeRequest,
  serverStreamCall,
  statusOfFailure,
  unaryCall,
} from './server-call.ts';

export interface RpcServerOptions {
  readonly credentials: ServerCredentials;
  readonly clock: Clock;
  readonly log: Logger;
  /** Connections without a call for so long are closed; default 10 minutes. */
  readonly maxConnectionIdleMs?: number;
}

const MAX_CONNECTION_IDLE_MS = 600_000;

const SERVER_OPTIONS: ServerOptions = {
  // The default announces four thousand million (reliability.md A7).
  'grpc.max_concurrent_streams': 1_000,
  'grpc.max_send_message_length': MAX_RESPONSE_BYTES,
  'grpc.max_receive_message_length': MAX_REQUEST_BYTES,
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
};

type AnyMethod = RpcMethod<unknown, unknown>;

/**
 * A gRPC server with the rules of the house: typed handlers, limits per method, a deadline for request bodies,
 * errors as EngineErrors, grpc.health.v1 (not serving until told so), and an end that does not last for ever.
 */
export class RpcServer {
  readonly #server: Server;
  readonly #credentials: ServerCredentials;
  readonly #clock: Clock;
  readonly #statusFor: StatusOfFailure;
  readonly #health = new HealthService();

  constructor(options: RpcServerOptions) {
    quietGrpc();
    this.#credentials = options.credentials;
    this.#clock = options.clock;
    this.#statusFor = statusOfFailure(options.log);
    this.#server = new Server({
      ...SERVER_OPTIONS,
      'grpc.max_connection_idle_ms': options.maxConnectionIdleMs ?? MAX_CONNECTION_IDLE_MS,
      interceptors: [bodyDeadline(options.clock)],
    });
    this.addService(HealthService.definition, this.#health.handlers);
  }

  /** Serves a ts-proto service definition (`FooServiceService`). */
  addService<Service extends object>(service: Service, handlers: ServiceHandlers<Service>): void {
    const definition: Record<string, ServiceDefinition[string]> = {};
    const implementation: UntypedServiceImplementation = {};
    for (const [name, method] of Object.entries(service as Readonly<Record<string, AnyMethod>>)) {
      const handler: unknown = handlers[name as keyof Service];
      definition[name] = { ...method, requestDeserialize: decodeRequest(method) };
      implementation[name] = this.#adapt(method, handler);
      this.#health.addService(method.path.split('/')[1] ?? '');
    }
    this.#server.addService(definition, implementation);
  }

  #adapt({ requestStream, responseStream }: AnyMethod, handler: unknown): UntypedHandleCall {
    if (requestStream) return bidiCall(handler as BidiHandler<unknown, unknown>, this.#statusFor);
    if (responseStream) {
      return serverStreamCall(handler as ServerStreamHandler<unknown, unknown>, this.#statusFor);
    }
    return unaryCall(handler as UnaryHandler<unknown, unknown>, this.#statusFor);
  }

  /** Listens on host:port, port 0 for a free one, or on `unix:PATH`; answers the port in use. */
  listen(address: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, this.#credentials, (error, port) => {
        if (error === null) resolve(port);
        else
          reject(
            new EngineError(
              'INVALID_CONFIGURATION',
              `cannot listen on ${address}: ${error.message}`,
              { cause: error },
            ),
          );
      });
    });
  }

  /** What health checks answer from now on. */
  setServing(isServing: boolean): void {
    this.#health.setServing(isServing);
  }

  /**
   * Not serving, no new connections or calls; the running calls have `graceMs` to end, then they are cut off.
   * What must not be cut off (queries, results) is waited for before.
   */
  async shutdown(options: { readonly graceMs: number }): Promise<void> {
    this.#health.setServing(false);
    this.#health.close();
    const timer = new AbortController();
    const drained = new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
    const overdue = this.#clock.sleep(options.graceMs, timer.signal).catch(() => undefined);
    await Promise.race([drained, overdue]);
    timer.abort();
    this.#server.forceShutdown();
  }
}
