import type {
  ConnectRequest,
  ConnectResponse,
  Heartbeat,
  Hello,
} from '../../../proto/gen/skein/internal/v1/worker_control.ts';
import { assertNever } from '../../common/assert.ts';
import type { NodeInstanceId } from '../../common/ids.ts';
import { formatTaskId, parseNodeId } from '../../common/ids.ts';
import { errorReportToWire } from '../../common/rpc/error-wire.ts';
import { taskStatusFromWire, taskUpdateToWire, TASK_STOPS } from '../../common/rpc/task-wire.ts';
import {
  invalidField,
  parsed,
  required,
  requiredText,
  safeInteger,
} from '../../common/rpc/wire-field.ts';
import type { WorkerHello, WorkerLoad } from '../cluster/cluster-event.ts';
import type { NumberedOrder } from '../runtime/order-outbox.ts';
import type { CoordinatorMessage, WorkerMessage } from '../runtime/worker-connection.ts';

/** What a coordinator says of itself in a welcome. */
export interface CoordinatorTraits {
  readonly coordinatorInstanceId: string;
  readonly heartbeatIntervalMs: number;
}

type WireMessage = NonNullable<ConnectResponse['message']>;

export function coordinatorMessageToWire(
  message: CoordinatorMessage,
  traits: CoordinatorTraits,
): ConnectResponse {
  switch (message.kind) {
    case 'welcome':
      return unnumbered({
        $case: 'welcome',
        value: { ...traits, receivedSequence: BigInt(message.receivedSequence) },
      });
    case 'refusal':
      return unnumbered({
        $case: 'refusal',
        value: { error: errorReportToWire(message.error) },
      });
    case 'order':
      return { sequence: BigInt(message.sequence), message: orderToWire(message.order) };
    case 'drain':
      return unnumbered({ $case: 'drain', value: {} });
    case 'acknowledgement':
      return unnumbered({
        $case: 'acknowledgement',
        value: { sequence: BigInt(message.sequence) },
      });
    default:
      return assertNever(message);
  }
}

function unnumbered(message: WireMessage): ConnectResponse {
  return { sequence: 0n, message };
}

function orderToWire(order: NumberedOrder['order']): WireMessage {
  switch (order.kind) {
    case 'update-task':
      return { $case: 'task', value: taskUpdateToWire(order.update) };
    case 'stop-task':
      return {
        $case: 'stopTask',
        value: { taskId: formatTaskId(order.taskId), kind: TASK_STOPS.toWire(order.stop) },
      };
    case 'release-output':
      return { $case: 'releaseOutput', value: { taskId: formatTaskId(order.taskId) } };
    default:
      return assertNever(order);
  }
}

/** The first message of a stream: who the worker is, and the last order that has reached it. */
export function helloFromWire(request: ConnectRequest): {
  readonly hello: WorkerHello;
  readonly receivedSequence: number;
} {
  const { message } = request;
  if (message?.$case !== 'hello') throw invalidField('message', 'the first message is a hello');
  const wire = message.value;
  return {
    hello: workerHelloFromWire(wire),
    receivedSequence: safeInteger(wire.receivedSequence, 'hello.received_sequence'),
  };
}

function workerHelloFromWire(wire: Hello): WorkerHello {
  return {
    protocolVersion: wire.protocolVersion,
    nodeId: parsed(wire.nodeId, parseNodeId, 'hello.node_id'),
    nodeInstanceId: requiredText(wire.nodeInstanceId, 'hello.node_instance_id') as NodeInstanceId,
    address: requiredText(wire.address, 'hello.address'),
    version: wire.version,
    duckdbVersion: requiredText(wire.duckdbVersion, 'hello.duckdb_version'),
    hashFingerprint: requiredText(wire.hashFingerprint, 'hello.hash_fingerprint'),
    cores: wire.cores,
    taskConcurrency: wire.taskConcurrency,
    memoryBytes: safeInteger(wire.memoryBytes, 'hello.memory_bytes'),
    labels: wire.labels,
    location: wire.location,
  };
}

export function workerMessageFromWire({ sequence, message }: ConnectRequest): WorkerMessage {
  const wire = required(message, 'message');
  switch (wire.$case) {
    case 'heartbeat':
      return {
        kind: 'heartbeat',
        load: loadFromWire(wire.value),
        isDraining: wire.value.draining,
      };
    case 'taskStatus':
      if (sequence === 0n) throw invalidField('sequence', 'a task status is numbered');
      return {
        kind: 'task-status',
        sequence: safeInteger(sequence, 'sequence'),
        status: taskStatusFromWire(wire.value),
      };
    case 'acknowledgement': {
      const acknowledged = safeInteger(wire.value.sequence, 'acknowledgement.sequence');
      return { kind: 'acknowledgement', sequence: acknowledged };
    }
    case 'goodbye':
      return { kind: 'goodbye' };
    case 'hello':
      throw invalidField('message', 'a stream has one hello, its first message');
    default:
      return assertNever(wire);
  }
}

function loadFromWire(wire: Heartbeat): WorkerLoad {
  return {
    pageMemoryBytes: safeInteger(wire.pageMemoryBytes, 'heartbeat.page_memory_bytes'),
    slotMemoryBytes: safeInteger(wire.slotMemoryBytes, 'heartbeat.slot_memory_bytes'),
    runningTasks: wire.runningTasks,
  };
}
