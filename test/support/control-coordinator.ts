/** The coordinator's end of control streams, driven by a test: orders out, statuses in. */
import type {
  ConnectRequest,
  ConnectResponse,
  Heartbeat,
  Hello,
} from '../../proto/gen/skein/internal/v1/worker_control.ts';
import { WorkerControlServiceService } from '../../proto/gen/skein/internal/v1/worker_control.ts';
import { formatTaskId, type TaskId } from '../../services/common/ids.ts';
import { silentLogger } from '../../services/common/logger.ts';
import { serverCredentials } from '../../services/common/rpc/credentials.ts';
import { RpcServer } from '../../services/common/rpc/server.ts';
import {
  TASK_STOPS,
  taskStatusFromWire,
  taskUpdateToWire,
} from '../../services/common/rpc/task-wire.ts';
import { systemClock } from '../../services/common/system-clock.ts';
import {
  isTerminalTaskState,
  type TaskStateKind,
  type TaskStatus,
  type TaskStop,
  type TaskUpdate,
} from '../../services/common/task/task-status.ts';

type Order = NonNullable<ConnectResponse['message']>;

/** One worker, in one of its runs. */
export class ConnectedWorker {
  readonly hello: Hello;
  readonly statuses: TaskStatus[] = [];
  heartbeat: Heartbeat | undefined;
  hasLeft = false;
  receivedSequence = 0n;
  #orders: { readonly sequence: bigint; readonly message: Order }[] = [];
  #sent = 0;
  #acknowledgeDue = false;
  #drainDue = false;
  #isBroken = false;
  #wake: () => void = () => undefined;
  readonly #watchers = new Set<() => void>();

  constructor(hello: Hello) {
    this.hello = hello;
  }

  update(update: TaskUpdate): void {
    this.#order({ $case: 'task', value: taskUpdateToWire(update) });
  }

  stop(taskId: TaskId, stop: TaskStop): void {
    const kind = TASK_STOPS.toWire(stop);
    this.#order({ $case: 'stopTask', value: { taskId: formatTaskId(taskId), kind } });
  }

  releaseOutput(taskId: TaskId): void {
    this.#order({ $case: 'releaseOutput', value: { taskId: formatTaskId(taskId) } });
  }

  /** Wants it to leave when its tasks are done. */
  drain(): void {
    this.#drainDue = true;
    this.#wake();
  }

  /** Ends the stream, as a network would. */
  breakStream(): void {
    this.#isBroken = true;
    this.#wake();
  }

  /** The newest status of the task that `accept` wants to see. */
  async status(taskId: TaskId, accept: (status: TaskStatus) => boolean): Promise<TaskStatus> {
    for (;;) {
      const key = formatTaskId(taskId);
      const mine = this.statuses.filter((status) => formatTaskId(status.taskId) === key);
      const found = mine.findLast(accept);
      if (found !== undefined) return found;
      await this.changed();
    }
  }

  async ended(taskId: TaskId): Promise<TaskStatus> {
    return await this.status(taskId, ({ state }) => isTerminalTaskState(state));
  }

  async reached(taskId: TaskId, state: TaskStateKind): Promise<TaskStatus> {
    return await this.status(taskId, (status) => status.state === state);
  }

  /** Something was heard of it. */
  async changed(): Promise<void> {
    await new Promise<void>((resolve) => {
      const seen = (): void => {
        this.#watchers.delete(seen);
        resolve();
      };
      this.#watchers.add(seen);
    });
  }

  #order(message: Order): void {
    this.#orders.push({ sequence: BigInt(this.#orders.length + 1), message });
    this.#wake();
  }

  onRequest({ message, sequence }: ConnectRequest): void {
    if (message?.$case === 'taskStatus' && sequence > this.receivedSequence) {
      this.receivedSequence = sequence;
      this.statuses.push(taskStatusFromWire(message.value));
      this.#acknowledgeDue = true;
      this.#wake();
    }
    if (message?.$case === 'heartbeat') this.heartbeat = message.value;
    if (message?.$case === 'goodbye') {
      this.hasLeft = true;
      this.#wake();
    }
    for (const seen of this.#watchers) seen();
  }

  async *messages(hello: Hello, coordinatorId: string): AsyncGenerator<ConnectResponse> {
    this.#isBroken = false;
    this.#sent = Number(hello.receivedSequence);
    const welcome = {
      coordinatorInstanceId: coordinatorId,
      heartbeatIntervalMs: 50,
      receivedSequence: this.receivedSequence,
    };
    yield { sequence: 0n, message: { $case: 'welcome', value: welcome } };
    while (!this.#isBroken && !this.hasLeft) {
      const order = this.#orders[this.#sent];
      if (order !== undefined) {
        this.#sent += 1;
        yield order;
      } else if (this.#acknowledgeDue) {
        this.#acknowledgeDue = false;
        const value = { sequence: this.receivedSequence };
        yield { sequence: 0n, message: { $case: 'acknowledgement', value } };
      } else if (this.#drainDue) {
        this.#drainDue = false;
        yield { sequence: 0n, message: { $case: 'drain', value: {} } };
      } else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

export class ControlCoordinator {
  readonly #server = new RpcServer({
    credentials: serverCredentials(undefined),
    clock: systemClock,
    log: silentLogger,
  });
  /** By node instance. */
  readonly workers = new Map<string, ConnectedWorker>();
  /** Another one is another run of the coordinator. */
  instanceId = 'coordinator-1';
  /** Refuses the next hello with this reason. */
  refuseWith: string | undefined;
  address = '';

  async listen(): Promise<this> {
    this.#server.addService(WorkerControlServiceService, {
      connect: (requests) => this.#connect(requests),
      reportExit: () => ({}),
    });
    const port = await this.#server.listen('127.0.0.1:0');
    this.address = `127.0.0.1:${port}`;
    return this;
  }

  async close(): Promise<void> {
    for (const worker of this.workers.values()) worker.breakStream();
    await this.#server.shutdown({ graceMs: 100 });
  }

  /** The newest run of the node. */
  worker(nodeId: string): ConnectedWorker {
    const found = [...this.workers.values()].findLast(({ hello }) => hello.nodeId === nodeId);
    if (found === undefined) throw new Error(`${nodeId} has not connected`);
    return found;
  }

  async *#connect(requests: AsyncIterable<ConnectRequest>): AsyncGenerator<ConnectResponse> {
    const reader = requests[Symbol.asyncIterator]();
    const first = await reader.next();
    if (first.done === true || first.value.message?.$case !== 'hello') throw new Error('no hello');
    const hello = first.value.message.value;
    if (this.refuseWith !== undefined) {
      const details = { reason: this.refuseWith };
      this.refuseWith = undefined;
      const error = { code: 'NODE_REFUSED', message: 'refused', details };
      yield { sequence: 0n, message: { $case: 'refusal', value: { error } } };
      return;
    }
    const known = this.workers.get(hello.nodeInstanceId);
    const worker = known ?? new ConnectedWorker(hello);
    this.workers.set(hello.nodeInstanceId, worker);
    const read = async (): Promise<void> => {
      for (;;) {
        const next = await reader.next();
        if (next.done === true) return;
        worker.onRequest(next.value);
      }
    };
    read().catch(() => undefined);
    yield* worker.messages(hello, this.instanceId);
  }
}
