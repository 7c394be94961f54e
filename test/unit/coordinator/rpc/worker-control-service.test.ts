/** The control stream over a real connection: what is resent after a break, what is refused. */
import { credentials, ServerCredentials } from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type ConnectRequest,
  type ConnectResponse,
  type Hello,
  WorkerControlServiceService as METHODS,
} from '../../../../proto/gen/skein/internal/v1/worker_control.ts';
import type { SplitAssignment } from '../../../../proto/gen/skein/internal/v1/task.ts';
import type {
  Instant,
  NodeId,
  NodeInstanceId,
  SourceId,
  TaskId,
} from '../../../../services/common/ids.ts';
import { formatTaskId } from '../../../../services/common/ids.ts';
import { silentLogger } from '../../../../services/common/logger.ts';
import type { Split } from '../../../../services/common/plan/split.ts';
import { RpcChannel } from '../../../../services/common/rpc/channel.ts';
import { RpcServer } from '../../../../services/common/rpc/server.ts';
import { taskStatusToWire } from '../../../../services/common/rpc/task-wire.ts';
import { systemClock } from '../../../../services/common/system-clock.ts';
import { NO_TASK_STATS, type TaskStatus } from '../../../../services/common/task/task-status.ts';
import { PROTOCOL_VERSION } from '../../../../services/common/version.ts';
import type { NodeEvent } from '../../../../services/coordinator/cluster/cluster-effect.ts';
import { workerControlService } from '../../../../services/coordinator/rpc/worker-control-service.ts';
import { WorkerDirectory } from '../../../../services/coordinator/runtime/worker-directory.ts';
import { QUERY_ID } from '../../../support/scheduler-driver.ts';

const NODE = { nodeId: 'w1' as NodeId, nodeInstanceId: 'run-1' as NodeInstanceId };
const TASK: TaskId = {
  queryId: QUERY_ID,
  stageId: 0 as TaskId['stageId'],
  partitionId: 0 as TaskId['partitionId'],
  attempt: 0,
};

/** A busy machine is no failure. */
const PATIENCE = { timeout: 20_000 };

const HELLO: Hello = {
  ...NODE,
  protocolVersion: PROTOCOL_VERSION,
  address: 'w1:7442',
  version: '0',
  cores: 2,
  memoryBytes: 0n,
  taskConcurrency: 2,
  hashFingerprint: 'f',
  labels: [],
  location: [],
  duckdbVersion: 'v1',
  receivedSequence: 0n,
};

class ControlFixture {
  readonly nodeEvents: NodeEvent[] = [];
  readonly statuses: TaskStatus[] = [];
  readonly directory = new WorkerDirectory(
    { protocolVersion: PROTOCOL_VERSION, heartbeatTimeoutMs: 60_000, reconnectGraceMs: 60_000 },
    {
      listener: {
        onNodeEvent: (event) => this.nodeEvents.push(event),
        onTaskStatus: (status) => this.statuses.push(status),
      },
      clock: systemClock,
      log: silentLogger,
    },
  );
  #channel: RpcChannel | undefined;

  get channel(): RpcChannel {
    if (this.#channel === undefined) throw new Error('the fixture is not started');
    return this.#channel;
  }

  async start(): Promise<this> {
    const deps = { clock: systemClock, log: silentLogger };
    const server = new RpcServer({ credentials: ServerCredentials.createInsecure(), ...deps });
    const traits = { coordinatorInstanceId: 'coordinator-1', heartbeatIntervalMs: 500 };
    server.addService(METHODS, workerControlService({ workers: this.directory, ...deps }, traits));
    onTestFinished(() => server.shutdown({ graceMs: 0 }));
    const port = await server.listen('127.0.0.1:0');
    this.#channel = new RpcChannel({
      address: `127.0.0.1:${port}`,
      credentials: credentials.createInsecure(),
      clock: systemClock,
      peer: { unavailable: 'COORDINATOR_UNAVAILABLE', details: {} },
    });
    onTestFinished(() => this.#channel?.close());
    return this;
  }

  connect(changes: Partial<Hello> = {}): WorkerSide {
    return new WorkerSide(this.channel, { ...HELLO, ...changes });
  }
}

/** A worker's end of a control stream. */
class WorkerSide {
  readonly received: ConnectResponse[] = [];
  readonly #outgoing: ConnectRequest[] = [];
  readonly #breaking = new AbortController();
  #wake: () => void = () => undefined;
  readonly ended: Promise<unknown>;

  constructor(channel: RpcChannel, hello: Hello) {
    this.send({ $case: 'hello', value: hello });
    this.ended = this.#read(channel).catch((error: unknown) => error);
  }

  send(message: NonNullable<ConnectRequest['message']>, sequence = 0n): void {
    this.#outgoing.push({ sequence, message });
    this.#wake();
  }

  status(sequence: bigint): void {
    const status = {
      ...NODE,
      taskId: TASK,
      version: Number(sequence),
      state: 'running',
      outputs: [],
      queuedSplitWeight: 0,
      receivedSplits: [],
      blockedReason: 'none',
      stats: NO_TASK_STATS,
    } as const;
    this.send({ $case: 'taskStatus', value: taskStatusToWire(status) }, sequence);
  }

  /** The connection is lost without a word. */
  break(): Promise<unknown> {
    this.#breaking.abort(new Error('connection lost'));
    this.#wake();
    return this.ended;
  }

  /** Waits for so many messages. */
  async messages(count: number): Promise<readonly ConnectResponse[]> {
    await expect.poll(() => this.received.length, PATIENCE).toBeGreaterThanOrEqual(count);
    return this.received;
  }

  async #read(channel: RpcChannel): Promise<void> {
    const { signal } = this.#breaking;
    for await (const message of channel.bidi(METHODS.connect, this.#requests(), { signal })) {
      this.received.push(message);
    }
  }

  async *#requests(): AsyncGenerator<ConnectRequest> {
    while (!this.#breaking.signal.aborted) {
      const next = this.#outgoing.shift();
      if (next === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
      else yield next;
    }
  }
}

const sequencesOf = (messages: readonly ConnectResponse[]): readonly bigint[] =>
  messages.flatMap(({ sequence }) => (sequence === 0n ? [] : [sequence]));

describe('WorkerControlService', PATIENCE, () => {
  it('welcomes, orders, hears and acknowledges', async () => {
    const world = await new ControlFixture().start();
    const worker = world.connect();
    const [welcome] = await worker.messages(1);
    expect(welcome?.message).toMatchObject({
      $case: 'welcome',
      value: { coordinatorInstanceId: 'coordinator-1', heartbeatIntervalMs: 500 },
    });
    world.directory.stopTask(NODE, TASK, 'abort');
    const [, order] = await worker.messages(2);
    expect(order).toMatchObject({
      sequence: 1n,
      message: { $case: 'stopTask', value: { taskId: formatTaskId(TASK) } },
    });
    world.directory.releaseOutput(NODE, TASK);
    const [, , release] = await worker.messages(3);
    expect(release).toMatchObject({
      sequence: 2n,
      message: { $case: 'releaseOutput', value: { taskId: formatTaskId(TASK) } },
    });
    worker.status(1n);
    const [, , , acknowledgement] = await worker.messages(4);
    expect(acknowledgement?.message).toMatchObject({
      $case: 'acknowledgement',
      value: { sequence: 1n },
    });
    expect(world.statuses).toMatchObject([{ taskId: TASK, state: 'running', version: 1 }]);
    await worker.break();
  });

  it('resends after a break what has not arrived, and neither more nor less (T35)', async () => {
    const world = await new ControlFixture().start();
    const first = world.connect();
    await first.messages(1);
    for (let i = 0; i < 5; i += 1) world.directory.stopTask(NODE, TASK, 'abort');
    await first.messages(6);
    first.status(1n);
    first.status(2n);
    await expect.poll(() => world.statuses.length, PATIENCE).toBe(2);
    await first.break();
    world.directory.stopTask(NODE, TASK, 'cancel');

    const second = world.connect({ receivedSequence: 3n });
    const resent = await second.messages(4);
    expect(resent[0]?.message).toMatchObject({ $case: 'welcome', value: { receivedSequence: 2n } });
    expect(sequencesOf(resent)).toEqual([4n, 5n, 6n]);
    second.status(2n);
    second.status(3n);
    await expect.poll(() => world.statuses.length, PATIENCE).toBe(3);
    expect(world.nodeEvents).toHaveLength(1);
    await second.break();
  });

  it('orders more splits than a message holds, over several updates (T35)', async () => {
    const world = await new ControlFixture().start();
    const worker = world.connect();
    await worker.messages(1);
    const splits = Array.from({ length: 3_000 }, (_, sequenceId) => ({
      sequenceId,
      weight: 100,
      input: {
        kind: 'file',
        path: '/'.repeat(4_000),
        sizeBytes: 1,
        modifiedAtMs: 0,
        firstRow: 0,
        rowCount: 1,
        bytes: 1,
      },
    })) satisfies readonly Split[];
    world.directory.updateTask(NODE, {
      taskId: TASK,
      principal: { name: 'alice' },
      capability: new Uint8Array(32),
      splitAssignments: [{ sourceId: 0 as SourceId, splits, noMoreSplits: true }],
      outputBuffers: [],
      deadline: 0 as Instant,
      memoryLimitBytes: 0,
    });
    const assignments = (): readonly SplitAssignment[] =>
      worker.received.flatMap(({ message }) =>
        message?.$case === 'task' ? message.value.splitAssignments : [],
      );
    await expect.poll(() => assignments().at(-1)?.noMoreSplits, PATIENCE).toBe(true);
    const received = assignments().flatMap((assignment) => assignment.splits);
    expect(received.map((split) => Number(split.sequenceId))).toEqual(
      splits.map((split) => split.sequenceId),
    );
    await worker.break();
  });

  it('gives no new tasks to a worker whose heartbeat says that it drains', async () => {
    const world = await new ControlFixture().start();
    const worker = world.connect();
    await worker.messages(1);
    const load = { pageMemoryBytes: 0n, slotMemoryBytes: 0n, runningTasks: 1 };
    worker.send({ $case: 'heartbeat', value: { ...load, draining: true } });
    await expect.poll(() => world.nodeEvents.length, PATIENCE).toBe(2);
    expect(world.nodeEvents[1]).toEqual({ kind: 'node-draining', ...NODE });
    expect(world.directory.activeNodes()).toEqual([]);
    await worker.break();
  });

  it('refuses a worker of another protocol with the reason', async () => {
    const world = await new ControlFixture().start();
    const worker = world.connect({ protocolVersion: 99 });
    await worker.ended;
    expect(worker.received).toMatchObject([
      { message: { $case: 'refusal', value: { error: { code: 'NODE_REFUSED' } } } },
    ]);
  });

  it('ends a stream that breaks the protocol, with what is wrong', async () => {
    const world = await new ControlFixture().start();
    const silent = world.connect();
    await silent.messages(1);
    silent.status(1n);
    silent.status(3n);
    expect(await silent.ended).toMatchObject({
      code: 'INVALID_REQUEST',
      details: { field: 'sequence' },
    });

    const malformed = new WorkerSide(world.channel, { ...HELLO, nodeId: 'not a node id' });
    expect(await malformed.ended).toMatchObject({ details: { field: 'hello.node_id' } });
  });

  it('ends a stream whose message met a bug by an error, not as if the worker had left', async () => {
    const world = await new ControlFixture().start();
    const receive = (): never => {
      throw new TypeError('a bug');
    };
    const connect = world.directory.connect.bind(world.directory);
    world.directory.connect = (...hello) => ({ ...connect(...hello), receive });
    const worker = world.connect();
    await worker.messages(1);
    worker.status(1n);
    expect(await worker.ended).toMatchObject({ code: 'INTERNAL_ERROR', message: 'a bug' });
  });

  it('names the cause of a worker’s end when its supervisor reports it', async () => {
    const world = await new ControlFixture().start();
    const worker = world.connect();
    await worker.messages(1);
    await worker.break();
    await world.channel.unary(
      METHODS.reportExit,
      { nodeId: 'w1', processId: 1, exitCode: -1, signal: 'SIGKILL', cause: 'killed by SIGKILL' },
      { timeoutMs: 5_000, signal: new AbortController().signal },
    );
    await expect.poll(() => world.nodeEvents.length, PATIENCE).toBe(2);
    expect(world.nodeEvents[1]).toMatchObject({
      kind: 'node-lost',
      error: { code: 'NODE_LOST', details: { cause: 'killed by SIGKILL' } },
    });
  });
});
