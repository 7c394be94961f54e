/** An order to a worker and its answer, over a real control stream on loopback. */
import { credentials, ServerCredentials } from '@grpc/grpc-js';
import {
  type ConnectRequest,
  WorkerControlServiceService as METHODS,
} from '../../proto/gen/skein/internal/v1/worker_control.ts';
import type { NodeId, NodeInstanceId } from '../../services/common/ids.ts';
import { parseTaskId } from '../../services/common/ids.ts';
import { silentLogger } from '../../services/common/logger.ts';
import { RpcChannel } from '../../services/common/rpc/channel.ts';
import { RpcServer } from '../../services/common/rpc/server.ts';
import { taskStatusToWire } from '../../services/common/rpc/task-wire.ts';
import { systemClock } from '../../services/common/system-clock.ts';
import { NO_TASK_STATS, type TaskStatus } from '../../services/common/task/task-status.ts';
import { PROTOCOL_VERSION } from '../../services/common/version.ts';
import { workerControlService } from '../../services/coordinator/rpc/worker-control-service.ts';
import { WorkerDirectory } from '../../services/coordinator/runtime/worker-directory.ts';
import { measureLatency, type MicroBenchmark } from '../micro-benchmark.ts';

const NODE = { nodeId: 'bench' as NodeId, nodeInstanceId: 'run-1' as NodeInstanceId };
const IN_FLIGHT = 64;
const ROUNDS = 100;

function taskId(): TaskStatus['taskId'] {
  const id = parseTaskId('20260101_000000_00000_bench.0.0.0');
  if (id === undefined) throw new Error('not a task id');
  return id;
}

/** A coordinator's control service, and a worker that answers each order with a status. */
class ControlLoop {
  readonly #server = new RpcServer({
    credentials: ServerCredentials.createInsecure(),
    clock: systemClock,
    log: silentLogger,
  });
  readonly #directory = new WorkerDirectory(
    { protocolVersion: PROTOCOL_VERSION, heartbeatTimeoutMs: 60_000, reconnectGraceMs: 1_000 },
    {
      listener: {
        onNodeEvent: () => this.#joined.resolve(),
        onTaskStatus: ({ version }) => this.#answers.get(version)?.(),
      },
      clock: systemClock,
      log: silentLogger,
    },
  );
  readonly #joined = promiseWithResolver();
  /** By the version of the status that answers. */
  readonly #answers = new Map<number, () => void>();
  #orders = 0;
  readonly #leaving = new AbortController();
  readonly #outgoing: ConnectRequest[] = [];
  #wake: () => void = () => undefined;
  #version = 0;
  #channel: RpcChannel | undefined;

  async start(): Promise<void> {
    const deps = { workers: this.#directory, clock: systemClock, log: silentLogger };
    const traits = { coordinatorInstanceId: 'bench', heartbeatIntervalMs: 60_000 };
    this.#server.addService(METHODS, workerControlService(deps, traits));
    const port = await this.#server.listen('127.0.0.1:0');
    this.#channel = new RpcChannel({
      address: `127.0.0.1:${port}`,
      credentials: credentials.createInsecure(),
      clock: systemClock,
      peer: { unavailable: 'COORDINATOR_UNAVAILABLE', details: {} },
    });
    this.#answerOrders(this.#channel).catch(() => undefined);
    await this.#joined.promise;
  }

  /** One order, until its answer is heard. */
  roundTrip(): Promise<void> {
    const { promise, resolve } = promiseWithResolver();
    this.#orders += 1;
    this.#answers.set(this.#orders, resolve);
    this.#directory.stopTask(NODE, taskId(), 'cancel');
    return promise;
  }

  async stop(): Promise<void> {
    this.#leaving.abort(new Error('the benchmark is over'));
    this.#wake();
    this.#directory.close();
    this.#channel?.close();
    await this.#server.shutdown({ graceMs: 100 });
  }

  async #answerOrders(channel: RpcChannel): Promise<void> {
    const { signal } = this.#leaving;
    for await (const { message } of channel.bidi(METHODS.connect, this.#requests(), { signal })) {
      if (message?.$case === 'stopTask') this.#answer();
    }
  }

  #answer(): void {
    this.#version += 1;
    const status: TaskStatus = {
      ...NODE,
      taskId: taskId(),
      version: this.#version,
      state: 'running',
      outputs: [],
      queuedSplitWeight: 0,
      receivedSplits: [],
      blockedReason: 'none',
      stats: NO_TASK_STATS,
    };
    const message = { $case: 'taskStatus', value: taskStatusToWire(status) } as const;
    this.#outgoing.push({ sequence: BigInt(this.#version), message });
    this.#wake();
  }

  async *#requests(): AsyncGenerator<ConnectRequest> {
    const hello = {
      ...NODE,
      protocolVersion: PROTOCOL_VERSION,
      address: 'bench:0',
      version: '0',
      cores: 1,
      memoryBytes: 0n,
      taskConcurrency: 1,
      hashFingerprint: 'bench',
      labels: [],
      location: [],
      duckdbVersion: 'bench',
      receivedSequence: 0n,
    };
    yield { sequence: 0n, message: { $case: 'hello', value: hello } };
    while (!this.#leaving.signal.aborted) {
      const next = this.#outgoing.shift();
      if (next === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
      else yield next;
    }
  }
}

function promiseWithResolver(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

export const benchmark: MicroBenchmark = {
  title: 'an order to a worker and its status back, both ends in one process',
  async run() {
    const loop = new ControlLoop();
    await loop.start();
    try {
      const { p50Ms, p99Ms } = await measureLatency(() => loop.roundTrip(), { samples: 4000 });
      const startedAt = performance.now();
      for (let round = 0; round < ROUNDS; round += 1) {
        await Promise.all(Array.from({ length: IN_FLIGHT }, () => loop.roundTrip()));
      }
      const perSecond = (ROUNDS * IN_FLIGHT * 1000) / (performance.now() - startedAt);
      return [
        { name: 'one at a time, p50', value: p50Ms, unit: 'ms' },
        { name: 'one at a time, p99', value: p99Ms, unit: 'ms' },
        {
          name: `${IN_FLIGHT} in flight`,
          value: perSecond,
          unit: '1/s',
          target: { atLeast: 5000 },
        },
      ];
    } finally {
      await loop.stop();
    }
  },
};
