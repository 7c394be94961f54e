import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';

/** grpc-js prints to standard error what it also reports as an error of the call; ours is for JSON lines. */
export function quietGrpc(): void {
  setLogVerbosity(logVerbosity.NONE);
}
