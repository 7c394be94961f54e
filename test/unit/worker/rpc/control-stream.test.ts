import { beforeEach, describe, expect, it } from 'vitest';
import type {
  ConnectRequest,
  ConnectResponse,
} from '../../../../proto/gen/skein/internal/v1/worker_control.ts';
import { EngineError } from '../../../../services/common/error.ts';
import { formatTaskId, type NodeId, type NodeInstanceId } from '../../../../services/common/ids.ts';
import { silentLogger } from '../../../../services/common/logger.ts';
import { taskUpdateToWire } from '../../../../services/common/rpc/task-wire.ts';
import { NO_TASK_STATS, type TaskStatus } from '../../../../services/common/task/task-status.ts';
import {
  ControlStream,
  type WorkerOrders,
} from '../../../../services/worker/rpc/control-stream.ts';
import { NodeIdentity } from '../../../../services/worker/task/node-identity.ts';
import { anUpdate, aTaskId } from '../../../support/task-fakes.ts';
import { settle, VirtualClock } from '../../../support/virtual-clock.ts';

/** One connection, from the coordinator's side. */
class Line {
  readonly received: ConnectRequest[] = [];
  readonly signal: AbortSignal;
  #sending: (ConnectResponse | 'end' | Error)[] = [];
  #wake: () => void = () => undefined;

  constructor(requests: AsyncIterable<ConnectRequest>, signal: AbortSignal) {
    this.signal = signal;
    void this.#read(requests);
    signal.addEventListener('abort', () => this.#wake());
  }

  async #read(requests: AsyncIterable<ConnectRequest>): Promise<void> {
    for await (const request of requests) this.received.push(request);
  }

  send(message: ConnectResponse['message'], sequence = 0): void {
    this.#sending.push({ sequence: BigInt(sequence), message });
    this.#wake();
  }

  end(error?: Error): void {
    this.#sending.push(error ?? 'end');
    this.#wake();
  }

  welcome(receivedSequence = 0, coordinatorInstanceId = 'coordinator-1'): void {
    const value = {
      coordinatorInstanceId,
      heartbeatIntervalMs: 500,
      receivedSequence: BigInt(receivedSequence),
    };
    this.send({ $case: 'welcome', value });
  }

  async *responses(): AsyncGenerator<ConnectResponse> {
    while (!this.signal.aborted) {
      const next = this.#sending.shift();
      if (next === 'end') return;
      if (next instanceof Error) throw next;
      if (next !== undefined) yield next;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    throw this.signal.reason;
  }

  get kinds(): readonly string[] {
    return this.received.map(({ message }) => message?.$case ?? 'nothing');
  }

  get statuses(): readonly (readonly [number, number])[] {
    return this.received.flatMap(({ sequence, message }) => {
      return message?.$case === 'taskStatus'
        ? [[Number(sequence), Number(message.value.version)] as const]
        : [];
    });
  }
}

let clock: VirtualClock;
let identity: NodeIdentity;
let lines: Line[];
let heard: string[];
let control: ControlStream;
let running: Promise<void>;

const line = (): Line => lines.at(-1)!;

beforeEach(() => {
  clock = new VirtualClock();
  lines = [];
  heard = [];
  let runs = 0;
  identity = new NodeIdentity('worker-1' as NodeId, () => `run-${(runs += 1)}` as NodeInstanceId);
  const orders: WorkerOrders = {
    update: ({ taskId }) => void heard.push(`update ${taskId.partitionId}`),
    stop: ({ partitionId }, stop) => void heard.push(`${stop} ${partitionId}`),
    releaseOutput: ({ partitionId }) => void heard.push(`release ${partitionId}`),
    refuse: ({ partitionId }, { code }) => void heard.push(`refuse ${partitionId} ${code}`),
    abandonAll: () => void heard.push('abandon all'),
    onConnected: () => void heard.push('connected'),
    onDisconnected: () => void heard.push('disconnected'),
    liveTaskCount: 3,
    isDraining: false,
  };
  control = new ControlStream(
    {
      node: {
        protocolVersion: 1,
        address: 'here:1',
        version: '1',
        cores: 1,
        memoryBytes: 1n,
        taskConcurrency: 1,
        hashFingerprint: 'f',
        labels: [],
        location: [],
        duckdbVersion: 'd',
      },
      onDrain: () => void heard.push('drain'),
    },
    {
      dial: (requests, signal) => {
        lines.push(new Line(requests, signal));
        return line().responses();
      },
      identity,
      orders,
      load: () => ({ pageMemoryBytes: 7, slotMemoryBytes: 8 }),
      clock,
      log: silentLogger,
    },
  );
  running = control.run();
});

const taskOrder = (partition: number): ConnectResponse['message'] => ({
  $case: 'task',
  value: taskUpdateToWire(anUpdate({ taskId: aTaskId({ partitionId: partition as never }) })),
});

const status = (version: number, partition = 0): TaskStatus => ({
  taskId: aTaskId({ partitionId: partition as never }),
  nodeId: identity.nodeId,
  nodeInstanceId: identity.instanceId,
  version,
  state: 'running',
  outputs: [],
  queuedSplitWeight: 0,
  receivedSplits: [],
  blockedReason: 'none',
  stats: NO_TASK_STATS,
});

function acknowledged(): readonly bigint[] {
  return line().received.flatMap(({ message }) =>
    message?.$case === 'acknowledgement' ? [message.value.sequence] : [],
  );
}

describe('the control stream', () => {
  it('says hello first, and nothing else before it is welcome', async () => {
    control.report(status(1));
    await settle();
    expect(line().kinds).toEqual(['hello']);
    line().welcome();
    await control.ready;
    await settle();
    expect(line().statuses).toEqual([[1, 1]]);
  });

  it('passes orders on and acknowledges them together, a moment later', async () => {
    line().welcome();
    line().send(taskOrder(4), 1);
    line().send({ $case: 'stopTask', value: { taskId: formatTaskId(aTaskId()), kind: 2 } }, 2);
    line().send({ $case: 'releaseOutput', value: { taskId: formatTaskId(aTaskId()) } }, 3);
    line().send({ $case: 'drain', value: {} });
    await settle();
    expect(heard).toEqual(['connected', 'update 4', 'abort 0', 'release 0', 'drain']);
    expect(acknowledged()).toEqual([]);
    await clock.advance(50);
    expect(acknowledged()).toEqual([3n]);
  });

  it('acknowledges at once when many orders wait for it', async () => {
    line().welcome();
    for (let sequence = 1; sequence <= 64; sequence++) {
      line().send(taskOrder(4), sequence);
      await settle();
    }
    expect(acknowledged()).toEqual([64n]);
  });

  it('takes an order that comes again once', async () => {
    line().welcome();
    line().send(taskOrder(4), 1);
    line().send(taskOrder(4), 1);
    await settle();
    expect(heard).toEqual(['connected', 'update 4']);
  });

  it('breaks a line on which an order is missing, and says what it has', async () => {
    line().welcome();
    line().send(taskOrder(1), 1);
    line().send(taskOrder(3), 3);
    await settle();
    expect(heard).toEqual(['connected', 'update 1', 'disconnected']);
    await clock.advance(50);
    expect(lines).toHaveLength(2);
    const [hello] = line().received;
    expect(hello?.message).toMatchObject({ value: { receivedSequence: 1n } });
  });

  it('sends again what did not arrive before the line broke (resend)', async () => {
    line().welcome();
    await settle();
    control.report(status(1, 1));
    control.report(status(1, 2));
    await settle();
    expect(line().statuses.map(([sequence]) => sequence)).toEqual([1, 2]);
    line().end(new EngineError('COORDINATOR_UNAVAILABLE', 'broken'));
    await settle();
    await clock.advance(50);
    control.report(status(2, 1));
    line().welcome(1);
    await settle();
    expect(line().statuses.map(([sequence]) => sequence)).toEqual([2, 3]);
  });

  it('dials again, less and less often', async () => {
    for (const expected of [1, 2, 3, 4]) {
      expect(lines).toHaveLength(expected);
      line().end();
      await settle();
      await clock.advance(50 * 2 ** (expected - 1));
    }
  });

  it('sends heartbeats while it is connected', async () => {
    line().welcome();
    await settle();
    await clock.advance(1000);
    expect(line().kinds.filter((kind) => kind === 'heartbeat')).toHaveLength(2);
    line().end();
    await settle();
    await clock.advance(50);
    await clock.advance(2000);
    expect(line().kinds).toEqual(['hello']);
  });

  it('begins a new run when another coordinator welcomes it: its tasks are lost', async () => {
    line().welcome();
    await settle();
    control.report(status(1));
    await settle();
    line().end();
    await settle();
    await clock.advance(50);
    line().welcome(0, 'coordinator-2');
    await settle();
    expect(heard).toEqual(['connected', 'disconnected', 'abandon all', 'disconnected']);
    await clock.advance(100);
    line().welcome(0, 'coordinator-2');
    control.report({ ...status(2), nodeInstanceId: 'run-1' as NodeInstanceId });
    await settle();
    expect(line().received[0]?.message).toMatchObject({ value: { nodeInstanceId: 'run-2' } });
    expect(line().statuses).toEqual([]);
  });

  it('begins a new run when the coordinator has given up the old one', async () => {
    const error = { code: 'NODE_REFUSED', message: 'no', details: { reason: 'fenced' } };
    line().send({ $case: 'refusal', value: { error } });
    await settle();
    expect(heard).toContain('abandon all');
    await clock.advance(50);
    expect(line().received[0]?.message).toMatchObject({ value: { nodeInstanceId: 'run-2' } });
  });

  it('ends with the coordinator’s error when it is refused', async () => {
    const error = { code: 'NODE_REFUSED', message: 'another hash', details: {} };
    line().send({ $case: 'refusal', value: { error } });
    await expect(running).rejects.toMatchObject({ code: 'NODE_REFUSED', message: 'another hash' });
  });

  it('fails a task whose order cannot be read, and goes on', async () => {
    line().welcome();
    const broken = { ...taskUpdateToWire(anUpdate()), principal: undefined };
    line().send({ $case: 'task', value: broken }, 1);
    line().send(taskOrder(2), 2);
    await settle();
    expect(heard).toEqual(['connected', 'refuse 0 INVALID_REQUEST', 'update 2']);
  });

  it('says goodbye behind what waits', async () => {
    line().welcome();
    await settle();
    control.report(status(1));
    const closed = control.close(1000);
    await settle();
    expect(line().kinds.slice(-2)).toEqual(['taskStatus', 'goodbye']);
    line().end();
    await closed;
    await running;
  });

  it('leaves without a goodbye when nobody answers', async () => {
    line().welcome();
    await settle();
    const closed = control.close(1000);
    await clock.advance(1000);
    await closed;
    await running;
  });
});
