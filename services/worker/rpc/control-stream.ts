/**
 * The worker's one line to its coordinator: dials, introduces itself, takes orders, sends statuses, and dials
 * again when the line breaks. Orders are numbered and acknowledged, statuses too, so that a break loses
 * nothing. A coordinator that does not know this run of the worker any more, or is another one itself, ends
 * the run: its tasks are abandoned and the worker comes back as a new run.
 */
import type {
  ConnectRequest,
  ConnectResponse,
  Heartbeat,
  Hello,
  Welcome,
} from '../../../proto/gen/skein/internal/v1/worker_control.ts';
import type { Task } from '../../../proto/gen/skein/internal/v1/task.ts';
import type { Clock } from '../../common/clock.ts';
import { EngineError, fromErrorReport } from '../../common/error.ts';
import { parseTaskId, type TaskId } from '../../common/ids.ts';
import type { Logger } from '../../common/logger.ts';
import { errorReportFromWire } from '../../common/rpc/error-wire.ts';
import { TASK_STOPS, taskUpdateFromWire } from '../../common/rpc/task-wire.ts';
import { parsed, required, safeInteger } from '../../common/rpc/wire-field.ts';
import type { TaskStatus, TaskStop, TaskUpdate } from '../../common/task/task-status.ts';
import type { NodeIdentity } from '../task/node-identity.ts';
import { ControlMessages } from './control-messages.ts';
import { ControlOutbox } from './control-outbox.ts';

/** Begins a call of WorkerControlService.Connect. */
export type DialCoordinator = (
  requests: AsyncIterable<ConnectRequest>,
  signal: AbortSignal,
) => AsyncIterable<ConnectResponse>;

/** Where the coordinator's orders go; a TaskManager. */
export interface WorkerOrders {
  update(update: TaskUpdate): void;
  stop(taskId: TaskId, stop: TaskStop): void;
  /** Nobody reads the stored outputs of this task any more. */
  releaseOutput(taskId: TaskId): void;
  /** There is a line to the coordinator, or there is none. */
  onConnected(): void;
  onDisconnected(): void;
  /** An order that cannot be read: the task fails. */
  refuse(taskId: TaskId, error: EngineError): void;
  abandonAll(reason: string): void;
  readonly liveTaskCount: number;
  /** No new tasks, please: the worker is about to leave. */
  readonly isDraining: boolean;
}

export type NodeDescription = Omit<Hello, 'nodeId' | 'nodeInstanceId' | 'receivedSequence'>;

export interface WorkerLoad {
  readonly pageMemoryBytes: number;
  readonly slotMemoryBytes: number;
}

export interface ControlStreamDeps {
  readonly dial: DialCoordinator;
  readonly identity: NodeIdentity;
  readonly orders: WorkerOrders;
  readonly load: () => WorkerLoad;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface ControlStreamOptions {
  readonly node: NodeDescription;
  /** The coordinator wants this worker to take no new tasks and to leave when it has none. */
  readonly onDrain: () => void;
}

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 1000;

export class ControlStream {
  readonly #options: ControlStreamOptions;
  readonly #deps: ControlStreamDeps;
  readonly #outbox = new ControlOutbox();
  readonly #closing = new AbortController();
  #connection: ControlMessages | undefined;
  #coordinatorInstanceId: string | undefined;
  #receivedSequence = 0;
  #retryMs = FIRST_RETRY_MS;
  #onReady: () => void = () => undefined;
  #onHungUp: () => void = () => undefined;
  /** Resolves at the first welcome. */
  readonly ready: Promise<void>;

  constructor(options: ControlStreamOptions, deps: ControlStreamDeps) {
    this.#options = options;
    this.#deps = deps;
    this.ready = new Promise((resolve) => (this.#onReady = resolve));
  }

  /** Sends a status, now or when there is a connection again. */
  report(status: TaskStatus): void {
    // The coordinator has given up the tasks of an earlier run.
    if (status.nodeInstanceId !== this.#deps.identity.instanceId) return;
    this.#outbox.add(status);
    this.#connection?.wakeUp();
  }

  /** Tells the coordinator at once how the worker does. */
  beat(): void {
    this.#connection?.heartbeatDue();
  }

  /** Keeps the line until `close`. @throws EngineError NODE_REFUSED when the coordinator does not take this worker. */
  async run(): Promise<void> {
    const { clock, log } = this.#deps;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#connect(signal);
        log.info({}, 'the coordinator ended the control stream');
      } catch (error) {
        if (signal.aborted) return;
        if (isRefusal(error)) this.#onRefused(error);
        else log.warn({ err: error }, 'no control stream to the coordinator');
      }
      await clock.sleep(this.#retryMs, signal).catch(() => undefined);
      this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
    }
  }

  /** Sends what waits, says goodbye and hangs up; after `graceMs` it hangs up anyway. */
  async close(graceMs: number): Promise<void> {
    const connection = this.#connection;
    if (connection !== undefined) {
      const left = new Promise<void>((resolve) => (this.#onHungUp = resolve));
      const cancel = this.#deps.clock.schedule(graceMs, () => this.#onHungUp());
      connection.leave();
      await left;
      cancel();
    }
    this.#closing.abort(new EngineError('SHUTTING_DOWN', 'the worker is shutting down'));
  }

  async #connect(signal: AbortSignal): Promise<void> {
    const { dial, identity } = this.#deps;
    const connection = new ControlMessages({
      hello: {
        ...this.#options.node,
        nodeId: identity.nodeId,
        nodeInstanceId: identity.instanceId,
        receivedSequence: BigInt(this.#receivedSequence),
      },
      outbox: this.#outbox,
      heartbeat: () => this.#heartbeat(),
      clock: this.#deps.clock,
    });
    const hangUp = new AbortController();
    let stopHeartbeats: () => void = () => undefined;
    try {
      for await (const response of dial(connection, AbortSignal.any([signal, hangUp.signal]))) {
        if (response.message?.$case === 'welcome') {
          stopHeartbeats = this.#onWelcome(response.message.value, connection);
        } else this.#onMessage(response, connection);
      }
    } finally {
      stopHeartbeats();
      hangUp.abort(new EngineError('COORDINATOR_UNAVAILABLE', 'the control stream has ended'));
      connection.end();
      this.#connection = undefined;
      this.#deps.orders.onDisconnected();
      this.#onHungUp();
    }
  }

  /** Begins heartbeats; the answer ends them. @throws EngineError for a welcome by another coordinator. */
  #onWelcome(welcome: Welcome, connection: ControlMessages): () => void {
    const { coordinatorInstanceId } = welcome;
    const known = this.#coordinatorInstanceId;
    this.#coordinatorInstanceId = coordinatorInstanceId;
    if (known !== undefined && known !== coordinatorInstanceId) {
      this.#startNewRun('another run of the coordinator has taken over');
      throw new EngineError('COORDINATOR_UNAVAILABLE', 'the coordinator was replaced');
    }
    this.#retryMs = FIRST_RETRY_MS;
    this.#deps.orders.onConnected();
    this.#outbox.reconnect(safeInteger(welcome.receivedSequence, 'welcome.received_sequence'));
    this.#connection = connection;
    connection.onWelcome();
    this.#onReady();
    return this.#beginHeartbeats(connection, welcome.heartbeatIntervalMs);
  }

  #beginHeartbeats(connection: ControlMessages, intervalMs: number): () => void {
    let cancel: () => void = () => undefined;
    const beat = (): void => {
      connection.heartbeatDue();
      cancel = this.#deps.clock.schedule(intervalMs, beat);
    };
    cancel = this.#deps.clock.schedule(intervalMs, beat);
    return () => cancel();
  }

  #onMessage({ message, sequence }: ConnectResponse, connection: ControlMessages): void {
    if (sequence > 0n) {
      const isNew = this.#isNew(safeInteger(sequence, 'sequence'));
      connection.onOrder(this.#receivedSequence);
      if (!isNew) return;
    }
    switch (message?.$case) {
      case 'task':
        this.#onTask(message.value);
        break;
      case 'stopTask': {
        const { taskId, kind } = message.value;
        const stop = TASK_STOPS.fromWire(kind, 'stop_task.kind');
        this.#deps.orders.stop(parsed(taskId, parseTaskId, 'stop_task.task_id'), stop);
        break;
      }
      case 'releaseOutput': {
        const { taskId } = message.value;
        this.#deps.orders.releaseOutput(parsed(taskId, parseTaskId, 'release_output.task_id'));
        break;
      }
      case 'drain':
        this.#options.onDrain();
        break;
      case 'acknowledgement':
        this.#outbox.acknowledge(safeInteger(message.value.sequence, 'acknowledgement.sequence'));
        connection.wakeUp();
        break;
      case 'refusal':
        throw fromErrorReport(
          errorReportFromWire(required(message.value.error, 'refusal.error'), 'refusal.error'),
        );
      case 'welcome':
      case undefined:
        throw new EngineError('INVALID_REQUEST', 'a control message of an unknown kind');
    }
  }

  #onTask(task: Task): void {
    let update: TaskUpdate;
    try {
      update = taskUpdateFromWire(task);
    } catch (error) {
      const taskId = parseTaskId(task.taskId);
      if (taskId === undefined || !(error instanceof EngineError)) throw error;
      this.#deps.orders.refuse(taskId, error);
      return;
    }
    this.#deps.orders.update(update);
  }

  /** Whether an order comes for the first time. @throws EngineError when one before it is missing. */
  #isNew(sequence: number): boolean {
    if (sequence <= this.#receivedSequence) return false;
    if (sequence > this.#receivedSequence + 1) {
      throw new EngineError('COORDINATOR_UNAVAILABLE', `order ${sequence} came out of turn`);
    }
    this.#receivedSequence = sequence;
    return true;
  }

  /** The coordinator has lost this run, so the worker becomes a new one. @throws the error for any other refusal. */
  #onRefused(error: EngineError): void {
    if (error.details['reason'] !== 'fenced') throw error;
    this.#startNewRun('the coordinator has given up this run of the worker');
  }

  #startNewRun(reason: string): void {
    this.#deps.log.warn({}, `${reason}: all tasks are abandoned`);
    this.#deps.identity.renew();
    this.#deps.orders.abandonAll(reason);
    this.#outbox.reset();
    this.#receivedSequence = 0;
  }

  #heartbeat(): Heartbeat {
    const { orders, load } = this.#deps;
    const { pageMemoryBytes, slotMemoryBytes } = load();
    return {
      pageMemoryBytes: BigInt(pageMemoryBytes),
      slotMemoryBytes: BigInt(slotMemoryBytes),
      runningTasks: orders.liveTaskCount,
      draining: orders.isDraining,
    };
  }
}

function isRefusal(error: unknown): error is EngineError {
  return error instanceof EngineError && error.code === 'NODE_REFUSED';
}
