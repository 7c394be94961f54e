import type {
  ConnectRequest,
  ConnectResponse,
  WorkerControlServiceService,
} from '../../../proto/gen/skein/internal/v1/worker_control.ts';
import type { Clock } from '../../common/clock.ts';
import { EngineError, toErrorReport } from '../../common/error.ts';
import { parseNodeId } from '../../common/ids.ts';
import type { Logger } from '../../common/logger.ts';
import type { CallContext, ServiceHandlers } from '../../common/rpc/method.ts';
import { parsed } from '../../common/rpc/wire-field.ts';
import type { WorkerDirectory, WorkerStream } from '../runtime/worker-directory.ts';
import type { CoordinatorTraits } from './worker-control-wire.ts';
import {
  coordinatorMessageToWire,
  helloFromWire,
  workerMessageFromWire,
} from './worker-control-wire.ts';

export interface WorkerControlDeps {
  readonly workers: WorkerDirectory;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How long a worker that has opened a stream may take to say who it is. */
const HELLO_TIMEOUT_MS = 10_000;

/** skein.internal.v1.WorkerControlService: translates between control streams and the worker directory. */
export function workerControlService(
  deps: WorkerControlDeps,
  traits: CoordinatorTraits,
): ServiceHandlers<typeof WorkerControlServiceService> {
  return {
    connect: (requests, context) => connect(deps, traits, { requests, context }),
    reportExit({ nodeId, cause }) {
      deps.workers.onExit(parsed(nodeId, parseNodeId, 'node_id'), cause);
      return {};
    },
  };
}

interface ConnectCall {
  readonly requests: AsyncIterable<ConnectRequest>;
  readonly context: CallContext;
}

async function* connect(
  deps: WorkerControlDeps,
  traits: CoordinatorTraits,
  { requests, context }: ConnectCall,
): AsyncGenerator<ConnectResponse, void, void> {
  const reader = requests[Symbol.asyncIterator]();
  const { hello, receivedSequence } = helloFromWire(await firstOf(reader, deps.clock));
  const stream = deps.workers.connect(hello, receivedSequence);
  const reading = new AbortController();
  const read = readAll(reader, stream).finally(() => reading.abort());
  read.catch(() => undefined);
  try {
    for await (const message of stream.messages(
      AbortSignal.any([context.signal, reading.signal]),
    )) {
      yield coordinatorMessageToWire(message, traits);
    }
    // The worker left, or what it sent ended the stream by an error.
    if (reading.signal.aborted && !context.signal.aborted) await read;
  } catch (error) {
    const { nodeId } = hello;
    deps.log.warn({ ...toErrorReport(error), err: error, nodeId }, 'a control stream is closed');
    throw error;
  } finally {
    stream.onClosed();
  }
}

async function firstOf(
  reader: AsyncIterator<ConnectRequest>,
  clock: Clock,
): Promise<ConnectRequest> {
  const timer = new AbortController();
  const late = clock.sleep(HELLO_TIMEOUT_MS, timer.signal).then(() => {
    throw new EngineError('INVALID_REQUEST', `no hello within ${HELLO_TIMEOUT_MS} ms`);
  });
  late.catch(() => undefined);
  try {
    const first = await Promise.race([reader.next(), late]);
    if (first.done !== true) return first.value;
    throw new EngineError('INVALID_REQUEST', 'the stream ended before its hello');
  } finally {
    timer.abort();
  }
}

async function readAll(reader: AsyncIterator<ConnectRequest>, stream: WorkerStream): Promise<void> {
  for (;;) {
    const next = await reader.next();
    if (next.done === true) return;
    stream.receive(workerMessageFromWire(next.value));
  }
}
