/** Turns the handlers of the house into those of grpc-js. */
import type { Writable } from 'node:stream';
import type {
  handleBidiStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  ServerUnaryCall,
  StatusObject,
} from '@grpc/grpc-js';
import { EngineError, toErrorReport } from '../error.ts';
import type { Instant } from '../ids.ts';
import type { Logger } from '../logger.ts';
import { MessageReader } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';
import type {
  BidiHandler,
  CallContext,
  RpcMethod,
  ServerStreamHandler,
  UnaryHandler,
} from './method.ts';
import { limitsOf } from './method-limits.ts';
import { statusOf } from './status.ts';

/** A request that is not valid must be answered with our error, so it is reported by its handler. */
export type Decoded<T> = { readonly value: T } | { readonly error: EngineError };

function unwrap<T>(decoded: Decoded<T>): T {
  if ('error' in decoded) throw decoded.error;
  return decoded.value;
}

/** Decodes requests within the method's limit; what grpc-js would call INTERNAL is INVALID_REQUEST. */
export function decodeRequest<Request>(
  method: Pick<RpcMethod<Request, never>, 'path' | 'requestDeserialize'>,
): (bytes: Buffer) => Decoded<Request> {
  const { path, requestDeserialize } = method;
  const { maxRequestBytes } = limitsOf(path);
  return (bytes) => {
    if (bytes.length > maxRequestBytes) {
      const message = `a request of ${bytes.length} bytes; ${path} takes ${maxRequestBytes}`;
      return { error: new EngineError('MESSAGE_TOO_LARGE', message) };
    }
    try {
      return { value: requestDeserialize(bytes) };
    } catch (cause) {
      return { error: new EngineError('INVALID_REQUEST', 'the request is malformed', { cause }) };
    }
  };
}

/** How failures of calls are answered and noted. */
export type StatusOfFailure = (error: unknown) => StatusObject;

/** Errors that are not EngineErrors are bugs: the log gets all of it, the caller one line. */
export function statusOfFailure(log: Logger): StatusOfFailure {
  return (error) => {
    if (error instanceof EngineError) return statusOf(toErrorReport(error));
    log.error({ err: error }, 'a call failed by a bug');
    const message = error instanceof Error ? error.message : String(error);
    return statusOf({ code: 'INTERNAL_ERROR', message });
  };
}

interface SurfaceCall extends Pick<
  ServerUnaryCall<unknown, unknown>,
  'cancelled' | 'getDeadline' | 'getPeer' | 'metadata'
> {
  on(event: 'cancelled', listener: () => void): unknown;
}

/** The reason of every signal of a call; one for all, since every call ends, most of them well. */
const CALL_IS_OVER = new EngineError('CALL_CANCELLED', 'the call is over for its caller');

/** Most calls ask for none of it, so nothing is made before it is asked for. */
class SurfaceCallContext implements CallContext {
  readonly #call: SurfaceCall;
  #signal: AbortSignal | undefined;

  constructor(call: SurfaceCall) {
    this.#call = call;
  }

  get signal(): AbortSignal {
    this.#signal ??= signalOf(this.#call);
    return this.#signal;
  }

  get deadline(): Instant | undefined {
    const deadline = Number(this.#call.getDeadline());
    return Number.isFinite(deadline) ? (deadline as Instant) : undefined;
  }

  get metadata(): Metadata {
    return this.#call.metadata;
  }

  get peer(): string {
    return this.#call.getPeer();
  }
}

function signalOf(call: SurfaceCall): AbortSignal {
  const controller = new AbortController();
  const cancel = (): void => controller.abort(CALL_IS_OVER);
  call.on('cancelled', cancel);
  if (call.cancelled) cancel();
  return controller.signal;
}

export function unaryCall<Request, Response>(
  handler: UnaryHandler<Request, Response>,
  statusFor: StatusOfFailure,
): handleUnaryCall<Decoded<Request>, Response> {
  return (call, callback) => {
    const answer = async (): Promise<void> => {
      try {
        callback(null, await handler(unwrap(call.request), new SurfaceCallContext(call)));
      } catch (error) {
        callback(statusFor(error));
      }
    };
    void answer();
  };
}

export function serverStreamCall<Request, Response>(
  handler: ServerStreamHandler<Request, Response>,
  statusFor: StatusOfFailure,
): handleServerStreamingCall<Decoded<Request>, Response> {
  return (call) => {
    const context = new SurfaceCallContext(call);
    void respond(call, {
      messages: () => handler(unwrap(call.request), context),
      statusFor,
    });
  };
}

export function bidiCall<Request, Response>(
  handler: BidiHandler<Request, Response>,
  statusFor: StatusOfFailure,
): handleBidiStreamingCall<Decoded<Request>, Response> {
  return (call) => {
    const context = new SurfaceCallContext(call);
    const reader = new MessageReader<Decoded<Request>>(call, { onLeave: () => undefined });
    // A reset stream ends too, and is known to be cancelled only some ticks later.
    call.on('end', () => setImmediate(() => reader.finish()));
    context.signal.addEventListener('abort', () => reader.fail(context.signal.reason));
    void respond(call, {
      messages: () => handler(unwrapped(reader), context),
      statusFor,
    });
  };
}

async function* unwrapped<T>(messages: AsyncIterable<Decoded<T>>): AsyncGenerator<T> {
  for await (const message of messages) yield unwrap(message);
}

interface StreamAnswer<Response> {
  readonly messages: () => AsyncIterable<Response>;
  readonly statusFor: StatusOfFailure;
}

/** Sends the messages and ends the call: well, or with the status of the error that ended them. */
async function respond<Response>(
  call: Writable & SurfaceCall,
  { messages, statusFor }: StreamAnswer<Response>,
): Promise<void> {
  const writer = new MessageWriter<Response>(call);
  call.on('cancelled', () => writer.close());
  if (call.cancelled) writer.close();
  try {
    if (await writer.send(messages())) call.end();
  } catch (error) {
    if (!call.cancelled) call.emit('error', statusFor(error));
  }
}
