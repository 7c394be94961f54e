import type { ServerInterceptor } from '@grpc/grpc-js';
import { ServerInterceptingCall, ServerListenerBuilder, status } from '@grpc/grpc-js';
import type { Clock } from '../clock.ts';

/** How long a single request message may take to arrive. */
const REQUEST_BODY_TIMEOUT_MS = 10_000;

/** Ends calls whose one request message does not arrive whole: grpc-js itself would wait for ever (A7, slow loris). */
export function bodyDeadline(clock: Clock): ServerInterceptor {
  return (method, call) => {
    if (method.requestStream) return new ServerInterceptingCall(call);
    return new ServerInterceptingCall(call, {
      start: (next) => {
        const cancelTimer = clock.schedule(REQUEST_BODY_TIMEOUT_MS, () =>
          call.sendStatus({
            code: status.DEADLINE_EXCEEDED,
            details: `the request did not arrive within ${REQUEST_BODY_TIMEOUT_MS} ms`,
          }),
        );
        const listener = new ServerListenerBuilder()
          .withOnReceiveHalfClose((pass) => {
            cancelTimer();
            pass();
          })
          .withOnCancel(cancelTimer)
          .build();
        next(listener);
      },
    });
  };
}
