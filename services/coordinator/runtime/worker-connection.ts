import type { Clock } from '../../common/clock.ts';
import { Doorbell } from '../../common/doorbell.ts';
import type { ErrorReport } from '../../common/error.ts';
import { EngineError } from '../../common/error.ts';
import type { TaskStatus } from '../../common/task/task-status.ts';
import type { WorkerLoad, WorkerRun } from '../cluster/cluster-event.ts';
import type { NumberedOrder, WorkerOrder } from './order-outbox.ts';
import { OrderOutbox } from './order-outbox.ts';

/** What travels on a control stream to the worker. The first is a welcome or a refusal. */
export type CoordinatorMessage =
  | { readonly kind: 'welcome'; readonly receivedSequence: number }
  | { readonly kind: 'refusal'; readonly error: ErrorReport }
  | ({ readonly kind: 'order' } & NumberedOrder)
  | { readonly kind: 'drain' }
  | { readonly kind: 'acknowledgement'; readonly sequence: number };

/** What travels from the worker, after its hello. */
export type WorkerMessage =
  | { readonly kind: 'task-status'; readonly sequence: number; readonly status: TaskStatus }
  | { readonly kind: 'heartbeat'; readonly load: WorkerLoad; readonly isDraining: boolean }
  | { readonly kind: 'acknowledgement'; readonly sequence: number }
  | { readonly kind: 'goodbye' };

/** Reports are acknowledged together: the worker only keeps them a little longer. */
const ACKNOWLEDGE_AFTER_MS = 50;
const ACKNOWLEDGE_AFTER_COUNT = 64;

/** One run of a worker: what outlives its control streams. */
export class WorkerSession {
  readonly run: WorkerRun;
  readonly outbox = new OrderOutbox();
  /** Of reports; undefined before the first, which may have any number if another coordinator heard the earlier ones. */
  receivedSequence: number | undefined;
  /** The stream in use. */
  connection: WorkerConnection | undefined;
  #isDraining = false;

  constructor(run: WorkerRun) {
    this.run = run;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Said again on every new stream: the order may have been lost with an old one. */
  drain(): void {
    this.#isDraining = true;
    this.connection?.drain();
  }

  /** @returns 'full' when the worker has left too many orders unacknowledged */
  order(order: WorkerOrder): 'accepted' | 'full' {
    const verdict = this.outbox.add(order);
    this.connection?.wake();
    return verdict;
  }

  /** Whether the report is new; one that came before is not. @throws EngineError when reports between are missing */
  takeReport(sequence: number): boolean {
    const received = this.receivedSequence ?? sequence - 1;
    if (sequence <= received) return false;
    if (sequence > received + 1) {
      const message = `report ${sequence} follows report ${received}`;
      throw new EngineError('INVALID_REQUEST', message, { details: { field: 'sequence' } });
    }
    this.receivedSequence = sequence;
    return true;
  }
}

/**
 * One control stream's outgoing side. It holds nothing but positions: what is to be sent is looked up in the session when
 * the stream has room, so a slow stream needs no queue, and a new one goes on behind what has arrived.
 */
export class WorkerConnection {
  readonly #session: WorkerSession;
  readonly #clock: Clock;
  readonly #news = new Doorbell();
  readonly #closing = new AbortController();
  /** The last order sent on this stream. */
  #sentSequence: number;
  #acknowledged: number;
  #isAcknowledgementDue = false;
  #cancelAcknowledgement: (() => void) | undefined;
  #isDrainDue: boolean;

  /** `receivedSequence`: the last order that has arrived at the worker. */
  constructor(session: WorkerSession, receivedSequence: number, clock: Clock) {
    this.#session = session;
    this.#clock = clock;
    session.outbox.acknowledge(receivedSequence);
    this.#sentSequence = Math.min(receivedSequence, session.outbox.lastSequence);
    this.#acknowledged = session.receivedSequence ?? 0;
    this.#isDrainDue = session.isDraining;
  }

  /** In the order of sending. Ends when the connection is closed or the signal aborted. */
  async *messages(signal: AbortSignal): AsyncGenerator<CoordinatorMessage, void, void> {
    const leaving = AbortSignal.any([signal, this.#closing.signal]);
    yield { kind: 'welcome', receivedSequence: this.#acknowledged };
    while (!leaving.aborted) {
      const message = this.#nextMessage();
      // Leaving is how such a stream ends, and no failure.
      if (message === undefined) await this.#news.wait(leaving).catch(() => undefined);
      else yield message;
    }
  }

  wake(): void {
    this.#news.ring();
  }

  drain(): void {
    this.#isDrainDue = true;
    this.wake();
  }

  close(): void {
    this.#cancelAcknowledgement?.();
    this.#closing.abort();
  }

  /** A report was taken: it is acknowledged soon. */
  onReport(): void {
    const waiting = (this.#session.receivedSequence ?? 0) - this.#acknowledged;
    if (waiting >= ACKNOWLEDGE_AFTER_COUNT) return this.#acknowledge();
    this.#cancelAcknowledgement ??= this.#clock.schedule(ACKNOWLEDGE_AFTER_MS, () =>
      this.#acknowledge(),
    );
  }

  #acknowledge(): void {
    this.#cancelAcknowledgement?.();
    this.#cancelAcknowledgement = undefined;
    this.#isAcknowledgementDue = true;
    this.wake();
  }

  #nextMessage(): CoordinatorMessage | undefined {
    const order = this.#session.outbox.next(this.#sentSequence);
    if (order !== undefined) {
      this.#sentSequence = order.sequence;
      return { kind: 'order', ...order };
    }
    if (this.#isDrainDue) {
      this.#isDrainDue = false;
      return { kind: 'drain' };
    }
    if (!this.#isAcknowledgementDue) return undefined;
    this.#isAcknowledgementDue = false;
    this.#acknowledged = this.#session.receivedSequence ?? 0;
    return { kind: 'acknowledgement', sequence: this.#acknowledged };
  }
}
