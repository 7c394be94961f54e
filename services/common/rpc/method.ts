/** gRPC methods as ts-proto describes them, and the handlers that fit them. */
import type { Metadata } from '@grpc/grpc-js';
import type { Instant } from '../ids.ts';

export interface RpcMethod<Request, Response> {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestSerialize: (value: Request) => Buffer;
  readonly requestDeserialize: (value: Buffer) => Request;
  readonly responseSerialize: (value: Response) => Buffer;
  readonly responseDeserialize: (value: Buffer) => Response;
}

interface Shape<RequestStream extends boolean, ResponseStream extends boolean> {
  readonly requestStream: RequestStream;
  readonly responseStream: ResponseStream;
}

export type UnaryMethod<Request, Response> = RpcMethod<Request, Response> & Shape<false, false>;
export type ServerStreamMethod<Request, Response> = RpcMethod<Request, Response> &
  Shape<false, true>;
export type BidiMethod<Request, Response> = RpcMethod<Request, Response> & Shape<true, true>;

/** What a handler knows of its call. */
export interface CallContext {
  /** Aborted when the caller cancels, hangs up or the deadline passes, and once the call is over. */
  readonly signal: AbortSignal;
  /** When the caller stops waiting; `undefined` = never. */
  readonly deadline: Instant | undefined;
  readonly metadata: Metadata;
  /** host:port of the caller's connection. */
  readonly peer: string;
}

/** Answers, or throws an EngineError that becomes the status of the call. */
export type UnaryHandler<Request, Response> = (
  request: Request,
  context: CallContext,
) => Response | Promise<Response>;

/** Each message is asked for when the one before has left: the iterable feels the reader's pace. */
export type ServerStreamHandler<Request, Response> = (
  request: Request,
  context: CallContext,
) => AsyncIterable<Response>;

/** The call ends when the returned iterable ends. Requests are read when they are asked for. */
export type BidiHandler<Request, Response> = (
  requests: AsyncIterable<Request>,
  context: CallContext,
) => AsyncIterable<Response>;

type Wire<Method> = Method extends {
  readonly requestDeserialize: (value: Buffer) => infer Request;
  readonly responseDeserialize: (value: Buffer) => infer Response;
}
  ? { request: Request; response: Response }
  : never;

/** The handler type of a method; client streaming is not used. */
export type HandlerOf<Method> =
  Method extends Shape<false, false>
    ? UnaryHandler<Wire<Method>['request'], Wire<Method>['response']>
    : Method extends Shape<false, true>
      ? ServerStreamHandler<Wire<Method>['request'], Wire<Method>['response']>
      : Method extends Shape<true, true>
        ? BidiHandler<Wire<Method>['request'], Wire<Method>['response']>
        : never;

/** One handler for each method of a ts-proto service definition. */
export type ServiceHandlers<Service> = {
  readonly [Name in keyof Service]: HandlerOf<Service[Name]>;
};
