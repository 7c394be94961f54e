import { assertNever } from '../../common/assert.ts';
import type { Clock } from '../../common/clock.ts';
import { EngineError } from '../../common/error.ts';
import type { NodeId, TaskId } from '../../common/ids.ts';
import type { Logger } from '../../common/logger.ts';
import type { TaskStatus, TaskStop, TaskUpdate } from '../../common/task/task-status.ts';
import type { ClusterEffect, NodeEvent } from '../cluster/cluster-effect.ts';
import type { ClusterEvent, WorkerHello, WorkerRun } from '../cluster/cluster-event.ts';
import type { ClusterOptions, ClusterState, MemberDescription } from '../cluster/cluster-state.ts';
import { activeNodes, createCluster, describeMembers } from '../cluster/cluster-state.ts';
import { onClusterEvent } from '../cluster/membership.ts';
import type { SchedulerNode } from '../scheduler/scheduler-event.ts';
import type { NodeRun, WorkerGateway } from './ports.ts';
import { Timers } from './timers.ts';
import type { CoordinatorMessage, WorkerMessage } from './worker-connection.ts';
import { WorkerConnection, WorkerSession } from './worker-connection.ts';
import type { WorkerOrder } from './order-outbox.ts';
import { updatePieces } from './update-pieces.ts';

/** Who hears of what workers say. */
export interface WorkerListener {
  onNodeEvent(event: NodeEvent): void;
  onTaskStatus(status: TaskStatus): void;
}

export interface WorkerDirectoryDeps {
  readonly listener: WorkerListener;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A worker's control stream, as its rpc handler uses it. */
export interface WorkerStream {
  messages(signal: AbortSignal): AsyncIterable<CoordinatorMessage>;
  /** @throws EngineError when the worker breaks the protocol: the stream is to be closed */
  receive(message: WorkerMessage): void;
  /** The stream is over, for whatever reason. */
  onClosed(): void;
}

/** The workers of the cluster: their membership, and the orders that wait for each of their runs. */
export class WorkerDirectory implements WorkerGateway {
  readonly #deps: WorkerDirectoryDeps;
  readonly #cluster: ClusterState;
  readonly #timers: Timers;
  readonly #sessions = new Map<NodeId, WorkerSession>();

  constructor(options: ClusterOptions, deps: WorkerDirectoryDeps) {
    this.#deps = deps;
    this.#cluster = createCluster(options);
    this.#timers = new Timers(deps.clock);
  }

  activeNodes(): readonly SchedulerNode[] {
    return activeNodes(this.#cluster);
  }

  describe(): readonly MemberDescription[] {
    return describeMembers(this.#cluster);
  }

  updateTask(node: NodeRun, update: TaskUpdate): void {
    for (const piece of updatePieces(update)) {
      this.#order(node, { kind: 'update-task', update: piece });
    }
  }

  stopTask(node: NodeRun, taskId: TaskId, stop: TaskStop): void {
    this.#order(node, { kind: 'stop-task', taskId, stop });
  }

  releaseOutput(node: NodeRun, taskId: TaskId): void {
    this.#order(node, { kind: 'release-output', taskId });
  }

  /** A worker has opened a stream and said who it is. `receivedSequence`: the last order that has reached it. */
  connect(hello: WorkerHello, receivedSequence: number): WorkerStream {
    const refusal = this.#apply({ kind: 'worker-hello', hello });
    if (refusal !== undefined) return refusedStream(refusal);
    const session = this.#sessions.get(hello.nodeId);
    if (session === undefined)
      throw new Error(`worker ${hello.nodeId} was admitted without a session`);
    session.connection?.close();
    // A run that is new here has orders of another coordinator, if any: ours begin anew.
    const isReturning = session.connection !== undefined;
    const connection = new WorkerConnection(
      session,
      isReturning ? receivedSequence : 0,
      this.#deps.clock,
    );
    session.connection = connection;
    return {
      messages: (signal) => connection.messages(signal),
      receive: (message) => this.#receive(session, connection, message),
      onClosed: () => this.#onClosed(session, connection),
    };
  }

  /** A supervisor saw a worker's process end. */
  onExit(nodeId: NodeId, cause: string): void {
    this.#apply({ kind: 'worker-exited', nodeId, cause });
  }

  /** Ends all streams; workers then look for a coordinator again. */
  close(): void {
    this.#timers.close();
    for (const session of this.#sessions.values()) session.connection?.close();
    this.#sessions.clear();
  }

  #receive(session: WorkerSession, connection: WorkerConnection, message: WorkerMessage): void {
    // What arrives on a stream that was replaced comes again on the other.
    if (session.connection !== connection) return;
    switch (message.kind) {
      case 'task-status':
        return this.#onStatus(session, message);
      case 'heartbeat': {
        const { load, isDraining } = message;
        this.#apply({ kind: 'worker-heartbeat', load, isDraining, ...session.run });
        return undefined;
      }
      case 'acknowledgement':
        return session.outbox.acknowledge(message.sequence);
      case 'goodbye':
        return void this.#apply({ kind: 'worker-goodbye', ...session.run });
      default:
        return assertNever(message);
    }
  }

  #onStatus(
    session: WorkerSession,
    { sequence, status }: Extract<WorkerMessage, { readonly kind: 'task-status' }>,
  ): void {
    const { nodeId, nodeInstanceId } = session.run;
    if (status.nodeId !== nodeId || status.nodeInstanceId !== nodeInstanceId) {
      throw new EngineError(
        'INVALID_REQUEST',
        `worker ${nodeId} reports a task of ${status.nodeId}`,
      );
    }
    if (session.takeReport(sequence)) this.#deps.listener.onTaskStatus(status);
    session.connection?.onReport();
  }

  #onClosed(session: WorkerSession, connection: WorkerConnection): void {
    connection.close();
    if (session.connection === connection && this.#sessions.get(session.run.nodeId) === session) {
      this.#apply({ kind: 'worker-disconnected', ...session.run });
    }
  }

  #order(node: NodeRun, order: WorkerOrder): void {
    const session = this.#sessions.get(node.nodeId);
    if (session?.run.nodeInstanceId !== node.nodeInstanceId) return;
    if (session.order(order) === 'accepted') return;
    // A run that does not take its orders cannot be trusted with any: it is given up.
    const cause = 'it does not acknowledge its orders';
    this.#apply({ kind: 'worker-exited', nodeId: session.run.nodeId, cause });
    this.#apply({ kind: 'worker-disconnected', ...session.run });
  }

  /** Answers the refusal, if the event was a hello that is refused. */
  #apply(event: ClusterEvent): Refusal | undefined {
    let refusal: Refusal | undefined;
    for (const effect of onClusterEvent(this.#cluster, event, this.#deps.clock.now())) {
      if (effect.kind === 'refuse-worker') refusal = effect;
      if (effect.kind === 'publish') this.#logLoss(effect.event, event.kind === 'worker-goodbye');
      this.#carryOut(effect);
    }
    return refusal;
  }

  #logLoss(event: NodeEvent, isInOrder: boolean): void {
    if (event.kind !== 'node-lost') return;
    const { log } = this.#deps;
    const { nodeId, nodeInstanceId, error } = event;
    if (isInOrder) log.info({ nodeId, nodeInstanceId }, 'a worker has left');
    else log.warn({ nodeId, nodeInstanceId, error }, 'a worker is lost');
  }

  #carryOut(effect: ClusterEffect): void {
    const { listener, log } = this.#deps;
    switch (effect.kind) {
      case 'admit-worker':
        if (!effect.isReturning)
          this.#sessions.set(effect.nodeId, new WorkerSession(runOf(effect)));
        return log.info(
          runOf(effect),
          effect.isReturning ? 'a worker is back' : 'a worker has joined',
        );
      case 'refuse-worker':
        return log.warn({ ...runOf(effect), error: effect.error }, 'a worker was refused');
      case 'dismiss-worker':
        this.#sessions.get(effect.nodeId)?.connection?.close();
        this.#sessions.delete(effect.nodeId);
        return undefined;
      case 'drain-worker':
        return this.#sessions.get(effect.nodeId)?.drain();
      case 'publish':
        return listener.onNodeEvent(effect.event);
      case 'arm-timer':
        this.#timers.at(effect.at, () => void this.#apply({ kind: 'timer-fired' }));
        return undefined;
      default:
        return assertNever(effect);
    }
  }
}

type Refusal = Extract<ClusterEffect, { readonly kind: 'refuse-worker' }>;

function runOf({ nodeId, nodeInstanceId }: WorkerRun): WorkerRun {
  return { nodeId, nodeInstanceId };
}

function refusedStream({ error }: Refusal): WorkerStream {
  return {
    async *messages() {
      yield { kind: 'refusal', error };
    },
    receive: () => undefined,
    onClosed: () => undefined,
  };
}
