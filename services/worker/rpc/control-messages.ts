/**
 * What the worker says on one control stream, asked for at the pace of the connection: its hello, then, once it
 * is welcome, statuses, acknowledgements and heartbeats, at last a goodbye.
 */
import type {
  ConnectRequest,
  Hello,
  Heartbeat,
} from '../../../proto/gen/skein/internal/v1/worker_control.ts';
import type { Clock } from '../../common/clock.ts';
import { taskStatusToWire } from '../../common/rpc/task-wire.ts';
import type { ControlOutbox } from './control-outbox.ts';

export interface ControlMessagesOptions {
  readonly hello: Hello;
  readonly outbox: ControlOutbox;
  readonly heartbeat: () => Heartbeat;
  readonly clock: Clock;
}

/** Orders are acknowledged together: the coordinator only keeps them a little longer. */
const ACKNOWLEDGE_AFTER_MS = 50;
const ACKNOWLEDGE_AFTER_COUNT = 64;

type Message = NonNullable<ConnectRequest['message']>;

export class ControlMessages implements AsyncIterable<ConnectRequest> {
  readonly #options: ControlMessagesOptions;
  #isWelcome = false;
  #isHeartbeatDue = false;
  #acknowledgeUpTo = 0;
  #isAcknowledgementDue = false;
  #unacknowledgedCount = 0;
  #cancelAcknowledgement: (() => void) | undefined;
  #isLeaving = false;
  #isOver = false;
  #wake: (() => void) | undefined;

  constructor(options: ControlMessagesOptions) {
    this.#options = options;
  }

  onWelcome(): void {
    this.#isWelcome = true;
    this.wakeUp();
  }

  heartbeatDue(): void {
    this.#isHeartbeatDue = true;
    this.wakeUp();
  }

  /** An order has arrived, and with it all up to its number: it is acknowledged soon. */
  onOrder(sequence: number): void {
    this.#acknowledgeUpTo = sequence;
    this.#unacknowledgedCount += 1;
    if (this.#unacknowledgedCount >= ACKNOWLEDGE_AFTER_COUNT) return this.#acknowledge();
    this.#cancelAcknowledgement ??= this.#options.clock.schedule(ACKNOWLEDGE_AFTER_MS, () =>
      this.#acknowledge(),
    );
  }

  #acknowledge(): void {
    this.#cancelAcknowledgement?.();
    this.#cancelAcknowledgement = undefined;
    this.#unacknowledgedCount = 0;
    this.#isAcknowledgementDue = true;
    this.wakeUp();
  }

  /** Says goodbye behind what waits, and ends the stream. */
  leave(): void {
    this.#isLeaving = true;
    this.wakeUp();
  }

  /** The connection is gone. */
  end(): void {
    this.#isOver = true;
    this.#cancelAcknowledgement?.();
    this.wakeUp();
  }

  /** There may be a status to send. */
  wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ConnectRequest, void, void> {
    yield message({ $case: 'hello', value: this.#options.hello });
    while (!this.#isOver) {
      const next = this.#isWelcome ? this.#next() : undefined;
      if (next !== undefined) yield next;
      else if (this.#isLeaving) break;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    if (!this.#isOver) yield message({ $case: 'goodbye', value: {} });
  }

  /** Statuses first: somebody waits for them. */
  #next(): ConnectRequest | undefined {
    const status = this.#options.outbox.next();
    if (status !== undefined) {
      const value = taskStatusToWire(status.status);
      return { sequence: BigInt(status.sequence), message: { $case: 'taskStatus', value } };
    }
    if (this.#isAcknowledgementDue) {
      const sequence = BigInt(this.#acknowledgeUpTo);
      this.#isAcknowledgementDue = false;
      return message({ $case: 'acknowledgement', value: { sequence } });
    }
    if (!this.#isHeartbeatDue) return undefined;
    this.#isHeartbeatDue = false;
    return message({ $case: 'heartbeat', value: this.#options.heartbeat() });
  }
}

function message(value: Message): ConnectRequest {
  return { sequence: 0n, message: value };
}
