import type { Metadata, ServerInterceptingCallInterface, ServerInterceptor } from '@grpc/grpc-js';
import { ServerInterceptingCall, status } from '@grpc/grpc-js';
import type { Clock } from '../clock.ts';

/** How long a single request message may take to arrive. */
const REQUEST_BODY_TIMEOUT_MS = 10_000;

type Listener = Parameters<ServerInterceptingCall['start']>[0];
type Status = Parameters<ServerInterceptingCall['sendStatus']>[0];

/** Ends calls whose one request message does not arrive whole: grpc-js itself would wait for ever (A7, slow loris). */
export function bodyDeadline(clock: Clock): ServerInterceptor {
  return (method, call) =>
    method.requestStream ? new ServerInterceptingCall(call) : new ImpatientCall(call, clock);
}

/**
 * Answers go straight to the call: the queues that the base class keeps for responders cost a fifth of a
 * small call.
 */
class ImpatientCall extends ServerInterceptingCall {
  readonly #call: ServerInterceptingCallInterface;
  readonly #clock: Clock;

  constructor(call: ServerInterceptingCallInterface, clock: Clock) {
    super(call);
    this.#call = call;
    this.#clock = clock;
  }

  override start(listener: Listener): void {
    const call = this.#call;
    const cancelTimer = this.#clock.schedule(REQUEST_BODY_TIMEOUT_MS, () =>
      call.sendStatus({
        code: status.DEADLINE_EXCEEDED,
        details: `the request did not arrive within ${REQUEST_BODY_TIMEOUT_MS} ms`,
      }),
    );
    call.start({
      onReceiveMetadata: (metadata) => listener.onReceiveMetadata(metadata),
      onReceiveMessage: (message) => listener.onReceiveMessage(message),
      onReceiveHalfClose() {
        cancelTimer();
        listener.onReceiveHalfClose();
      },
      onCancel() {
        cancelTimer();
        listener.onCancel();
      },
    });
  }

  override sendMetadata(metadata: Metadata): void {
    this.#call.sendMetadata(metadata);
  }

  override sendMessage(message: unknown, callback: () => void): void {
    this.#call.sendMessage(message, callback);
  }

  override sendStatus(answer: Status): void {
    this.#call.sendStatus(answer);
  }
}
