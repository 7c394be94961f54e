import { setMaxListeners } from 'node:events';
import type { Readable } from 'node:stream';
import type {
  CallOptions as GrpcCallOptions,
  ChannelCredentials,
  ClientOptions,
  ServiceError,
} from '@grpc/grpc-js';
import { Client, Metadata, status as grpcStatus } from '@grpc/grpc-js';
import type { Clock } from '../clock.ts';
import { EngineError } from '../error.ts';
import { MessageReader } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';
import type { BidiMethod, RpcMethod, ServerStreamMethod, UnaryMethod } from './method.ts';
import { limitsOf, MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES } from './method-limits.ts';
import { quietGrpc } from './quiet-grpc.ts';
import type { PeerErrors } from './status.ts';
import { errorOfCall } from './status.ts';

/** A stream's window limits it to window ÷ round trip; 4 MiB keeps 1 MiB pages in flight (clients.md 2.4). */
const FLOW_CONTROL_WINDOW_BYTES = 4 << 20;

const CHANNEL_OPTIONS: ClientOptions = {
  'grpc-node.flow_control_window': FLOW_CONTROL_WINDOW_BYTES,
  'grpc.max_receive_message_length': MAX_RESPONSE_BYTES,
  'grpc.max_send_message_length': MAX_REQUEST_BYTES,
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  // Callers retry by themselves, within tenths of a second; a channel must not refuse to try again by then.
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.enable_channelz': 0,
};

export interface RpcChannelOptions {
  /** host:port, or `unix:PATH`. */
  readonly address: string;
  readonly credentials: ChannelCredentials;
  readonly clock: Clock;
  /** What the failures of calls without an error of the peer are called. */
  readonly peer: PeerErrors;
}

export interface StreamCallOptions {
  /** Cancels the call; the call then fails with the signal's reason. */
  readonly signal: AbortSignal;
  /** The whole call may take so long; without it a stream may last for ever. */
  readonly timeoutMs?: number;
  readonly metadata?: Metadata;
}

export interface UnaryCallOptions extends StreamCallOptions {
  readonly timeoutMs: number;
}

/**
 * Calls to one process. Opens its connection at the first call and again after a loss. Every failure is an
 * EngineError: the peer's own where it sent one.
 */
export class RpcChannel {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #peer: PeerErrors;
  #isClosed = false;

  constructor(options: RpcChannelOptions) {
    quietGrpc();
    this.#client = new Client(options.address, options.credentials, CHANNEL_OPTIONS);
    this.#clock = options.clock;
    this.#peer = options.peer;
  }

  unary<Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Request,
    options: UnaryCallOptions,
  ): Promise<Response> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      this.#checkCallable(signal);
      const call = this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        cappedDeserialize(method),
        request,
        options.metadata ?? new Metadata(),
        this.#callOptions(options),
        (error, response) => {
          signal.removeEventListener('abort', cancel);
          if (error === null) resolve(response as Response);
          else reject(signal.aborted ? signal.reason : errorOfCall(error, this.#peer));
        },
      );
      const cancel = (): void => call.cancel();
      signal.addEventListener('abort', cancel, { once: true });
    });
  }

  /** Begins at once; the messages must be read, or the stream left (`return`, `break`), to free it. */
  serverStream<Request, Response>(
    method: ServerStreamMethod<Request, Response>,
    request: Request,
    options: StreamCallOptions,
  ): AsyncIterableIterator<Response> {
    this.#checkCallable(options.signal);
    const call = this.#client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      cappedDeserialize(method),
      request,
      options.metadata ?? new Metadata(),
      this.#callOptions(options),
    );
    return this.#reader(call, options.signal);
  }

  /**
   * Begins at once. `requests` is read at the pace of the connection; its end half-closes the call, its error
   * cancels it. The call is over when the returned messages end; `requests` must end by itself then.
   */
  bidi<Request, Response>(
    method: BidiMethod<Request, Response>,
    requests: AsyncIterable<Request>,
    options: StreamCallOptions,
  ): AsyncIterableIterator<Response> {
    this.#checkCallable(options.signal);
    const call = this.#client.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      cappedDeserialize(method),
      options.metadata ?? new Metadata(),
      this.#callOptions(options),
    );
    const reader = this.#reader<Response>(call, options.signal);
    const writer = new MessageWriter<Request>(call);
    call.on('status', () => writer.close());
    writer.send(requests).then(
      () => call.end(),
      (error: unknown) => {
        reader.fail(error);
        call.cancel();
      },
    );
    return reader;
  }

  /** No further calls; the running ones go on. */
  close(): void {
    this.#isClosed = true;
    this.#client.close();
  }

  #checkCallable(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#isClosed) throw new EngineError('CALL_CANCELLED', 'the channel is closed');
    // One signal may end any number of calls at once; each takes its listener off.
    setMaxListeners(0, signal);
  }

  #reader<Response>(call: CancellableCall, signal: AbortSignal): MessageReader<Response> {
    const reader = new MessageReader<Response>(call, { onLeave: () => call.cancel() });
    const cancel = (): void => {
      reader.fail(signal.reason);
      call.cancel();
    };
    signal.addEventListener('abort', cancel, { once: true });
    call.on('error', (error: ServiceError) => reader.fail(errorOfCall(error, this.#peer)));
    call.on('status', ({ code }: { code: grpcStatus }) => {
      signal.removeEventListener('abort', cancel);
      if (code === grpcStatus.OK) reader.finish();
    });
    return reader;
  }

  #callOptions({ timeoutMs }: StreamCallOptions): GrpcCallOptions {
    return timeoutMs === undefined ? {} : { deadline: this.#clock.now() + timeoutMs };
  }
}

type CancellableCall = Readable & { cancel(): void };

function cappedDeserialize<Response>(
  method: Pick<RpcMethod<never, Response>, 'path' | 'responseDeserialize'>,
): (bytes: Buffer) => Response {
  const { maxResponseBytes } = limitsOf(method.path);
  return (bytes) => {
    if (bytes.length > maxResponseBytes) {
      throw new Error(`a message of ${bytes.length} bytes is above the limit of ${method.path}`);
    }
    return method.responseDeserialize(bytes);
  };
}
