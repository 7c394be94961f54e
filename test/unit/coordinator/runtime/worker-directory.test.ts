import { describe, expect, it } from 'vitest';
import type { NodeId, NodeInstanceId, TaskId } from '../../../../services/common/ids.ts';
import { silentLogger } from '../../../../services/common/logger.ts';
import { PROTOCOL_VERSION } from '../../../../services/common/version.ts';
import type { NodeEvent } from '../../../../services/coordinator/cluster/cluster-effect.ts';
import type { WorkerHello } from '../../../../services/coordinator/cluster/cluster-event.ts';
import { OrderOutbox } from '../../../../services/coordinator/runtime/order-outbox.ts';
import type { CoordinatorMessage } from '../../../../services/coordinator/runtime/worker-connection.ts';
import {
  WorkerDirectory,
  type WorkerStream,
} from '../../../../services/coordinator/runtime/worker-directory.ts';
import { NO_TASK_STATS, type TaskStatus } from '../../../../services/common/task/task-status.ts';
import { QUERY_ID } from '../../../support/scheduler-driver.ts';
import { settle, VirtualClock } from '../../../support/virtual-clock.ts';

const NODE = { nodeId: 'w1' as NodeId, nodeInstanceId: 'run-1' as NodeInstanceId };
const HELLO: WorkerHello = {
  ...NODE,
  protocolVersion: PROTOCOL_VERSION,
  address: 'w1:7442',
  version: '0',
  duckdbVersion: 'v1',
  hashFingerprint: 'f',
  labels: [],
  location: [],
  cores: 2,
  taskConcurrency: 2,
  memoryBytes: 0,
};
const LOAD = { pageMemoryBytes: 0, slotMemoryBytes: 0, runningTasks: 0 };

function aTaskId(partition: number): TaskId {
  return {
    queryId: QUERY_ID,
    stageId: 0 as TaskId['stageId'],
    partitionId: partition as TaskId['partitionId'],
    attempt: 0,
  };
}

function aStatus(changes: Partial<TaskStatus> = {}): TaskStatus {
  return {
    ...NODE,
    taskId: aTaskId(0),
    version: 1,
    state: 'running',
    outputs: [],
    queuedSplitWeight: 0,
    receivedSplits: [],
    blockedReason: 'none',
    stats: NO_TASK_STATS,
    ...changes,
  };
}

class DirectoryFixture {
  readonly clock = new VirtualClock();
  readonly nodeEvents: NodeEvent[] = [];
  readonly statuses: TaskStatus[] = [];
  readonly directory = new WorkerDirectory(
    { protocolVersion: PROTOCOL_VERSION, heartbeatTimeoutMs: 2_000, reconnectGraceMs: 500 },
    {
      listener: {
        onNodeEvent: (event) => this.nodeEvents.push(event),
        onTaskStatus: (status) => this.statuses.push(status),
      },
      clock: this.clock,
      log: silentLogger,
    },
  );

  connect(receivedSequence = 0, changes: Partial<WorkerHello> = {}): FakeStream {
    return new FakeStream(this.directory.connect({ ...HELLO, ...changes }, receivedSequence));
  }

  stop(partition: number): void {
    this.directory.stopTask(NODE, aTaskId(partition), 'cancel');
  }
}

/** Reads what the coordinator sends. */
class FakeStream {
  readonly sent: CoordinatorMessage[] = [];
  readonly stream: WorkerStream;
  readonly ended: Promise<void>;

  constructor(stream: WorkerStream) {
    this.stream = stream;
    this.ended = this.#read();
  }

  get orders(): readonly number[] {
    return this.sent.flatMap((message) => (message.kind === 'order' ? [message.sequence] : []));
  }

  async #read(): Promise<void> {
    for await (const message of this.stream.messages(new AbortController().signal)) {
      this.sent.push(message);
    }
  }
}

describe('WorkerDirectory', () => {
  it('welcomes a worker and makes it a node', async () => {
    const world = new DirectoryFixture();
    const { sent } = world.connect();
    await settle();
    expect(sent).toEqual([{ kind: 'welcome', receivedSequence: 0 }]);
    expect(world.nodeEvents).toMatchObject([{ kind: 'node-joined', node: { nodeId: 'w1' } }]);
    expect(world.directory.activeNodes()).toMatchObject([{ nodeId: 'w1', taskConcurrency: 2 }]);
  });

  it('refuses a worker of another protocol and ends its stream', async () => {
    const world = new DirectoryFixture();
    const stream = world.connect(0, { protocolVersion: PROTOCOL_VERSION + 1 });
    await stream.ended;
    expect(stream.sent).toMatchObject([{ kind: 'refusal', error: { code: 'NODE_REFUSED' } }]);
    expect(world.directory.activeNodes()).toEqual([]);
  });

  it('sends orders in order, numbered without gaps', async () => {
    const world = new DirectoryFixture();
    const stream = world.connect();
    for (const partition of [0, 1, 2]) world.stop(partition);
    await settle();
    expect(stream.orders).toEqual([1, 2, 3]);
  });

  it('goes on after a reconnect behind what has arrived (T35)', async () => {
    const world = new DirectoryFixture();
    const first = world.connect();
    for (const partition of [0, 1, 2]) world.stop(partition);
    await settle();
    first.stream.receive({ kind: 'acknowledgement', sequence: 1 });
    first.stream.onClosed();
    world.stop(3);
    const second = world.connect(2);
    await settle();
    expect(second.orders).toEqual([3, 4]);
    expect(world.nodeEvents).toHaveLength(1);
  });

  it('takes each report once, and says at the next welcome what has arrived', async () => {
    const world = new DirectoryFixture();
    const first = world.connect();
    const report = { kind: 'task-status', sequence: 1, status: aStatus() } as const;
    first.stream.receive(report);
    first.stream.receive({ ...report, sequence: 2, status: aStatus({ version: 2 }) });
    first.stream.onClosed();
    const second = world.connect();
    second.stream.receive({ ...report, sequence: 2, status: aStatus({ version: 2 }) });
    second.stream.receive({ ...report, sequence: 3, status: aStatus({ version: 3 }) });
    await settle();
    expect(second.sent).toEqual([{ kind: 'welcome', receivedSequence: 2 }]);
    expect(world.statuses.map((status) => status.version)).toEqual([1, 2, 3]);
  });

  it('acknowledges reports together', async () => {
    const world = new DirectoryFixture();
    const { stream, sent } = world.connect();
    for (const sequence of [1, 2, 3]) {
      stream.receive({ kind: 'task-status', sequence, status: aStatus({ version: sequence }) });
    }
    await world.clock.advance(100);
    expect(sent.slice(1)).toEqual([{ kind: 'acknowledgement', sequence: 3 }]);
  });

  it('refuses reports with a gap, and reports of another worker', () => {
    const world = new DirectoryFixture();
    const { stream } = world.connect();
    const send = (sequence: number, changes: Partial<TaskStatus> = {}) =>
      stream.receive({ kind: 'task-status', sequence, status: aStatus(changes) });
    send(1);
    expect(() => send(3)).toThrow('report 3 follows report 1');
    expect(() => send(2, { nodeId: 'w2' as NodeId })).toThrow('worker w1 reports a task of w2');
  });

  it('loses a worker that does not come back, with the cause that its supervisor gives', async () => {
    const world = new DirectoryFixture();
    const { stream } = world.connect();
    stream.onClosed();
    world.directory.onExit(NODE.nodeId, 'killed by SIGKILL');
    expect(world.nodeEvents[1]).toMatchObject({
      kind: 'node-lost',
      error: { code: 'NODE_LOST', message: expect.stringContaining('killed by SIGKILL') },
    });
    const late = world.connect();
    await late.ended;
    expect(late.sent).toMatchObject([{ kind: 'refusal' }]);
  });

  it('loses a worker whose stream stays broken, or that is silent, after the configured time', async () => {
    const world = new DirectoryFixture();
    world.connect().stream.onClosed();
    await world.clock.advance(499);
    expect(world.nodeEvents).toHaveLength(1);
    await world.clock.advance(1);
    expect(world.nodeEvents[1]).toMatchObject({ kind: 'node-lost' });

    const again = { nodeInstanceId: 'run-2' as NodeInstanceId };
    const silent = world.connect(0, again);
    await world.clock.advance(1_500);
    silent.stream.receive({ kind: 'heartbeat', load: LOAD, isDraining: false });
    await world.clock.advance(1_500);
    expect(world.nodeEvents).toHaveLength(3);
    await world.clock.advance(500);
    expect(world.nodeEvents[3]).toMatchObject({ kind: 'node-lost' });
    await silent.ended;
  });

  it('loses a worker that leaves too many orders unacknowledged', async () => {
    const world = new DirectoryFixture();
    world.connect();
    for (let i = 0; i <= 50_000; i += 1) world.stop(0);
    expect(world.nodeEvents[1]).toMatchObject({
      kind: 'node-lost',
      error: { message: expect.stringContaining('does not acknowledge') },
    });
  });

  it('drops orders to a run that is lost', async () => {
    const world = new DirectoryFixture();
    world.connect().stream.receive({ kind: 'goodbye' });
    world.stop(0);
    const next = world.connect(0, { nodeInstanceId: 'run-2' as NodeInstanceId });
    await settle();
    expect(next.orders).toEqual([]);
  });

  it('ignores a stream that was replaced by another of the same run', async () => {
    const world = new DirectoryFixture();
    const first = world.connect();
    const second = world.connect();
    first.stream.receive({ kind: 'task-status', sequence: 1, status: aStatus() });
    first.stream.onClosed();
    await world.clock.advance(600);
    expect(world.statuses).toEqual([]);
    expect(world.nodeEvents).toHaveLength(1);
    await first.ended;
    world.stop(0);
    await settle();
    expect(second.orders).toEqual([1]);
  });
});

describe('OrderOutbox', () => {
  const order = { kind: 'stop-task', taskId: aTaskId(0), stop: 'abort' } as const;

  it('keeps orders until they are acknowledged, whatever is claimed', () => {
    const outbox = new OrderOutbox();
    for (let i = 0; i < 5; i += 1) outbox.add(order);
    outbox.acknowledge(2);
    outbox.acknowledge(1);
    expect(outbox.next(0)?.sequence).toBe(3);
    expect(outbox.next(4)?.sequence).toBe(5);
    expect(outbox.next(5)).toBeUndefined();
    outbox.acknowledge(99);
    outbox.add(order);
    expect(outbox.next(5)?.sequence).toBe(6);
  });
});
