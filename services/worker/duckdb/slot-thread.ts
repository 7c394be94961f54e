/**
 * A slot: a thread with a DuckDB instance of its own, run by the orders of slot.ts, one after the other. Only
 * `interrupt` comes between: statements run on threads of DuckDB while this one takes messages.
 */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { assert, assertNever } from '../../common/assert.ts';
import { toEngineError } from '../../common/duckdb/duckdb-error.ts';
import { toErrorReport } from '../../common/error.ts';
import { systemClock } from '../../common/system-clock.ts';
import type { StatementBatch } from '../task/fragment-slot.ts';
import { FragmentSession } from './fragment-session.ts';
import { PageSources } from './page-source.ts';
import { RowEmitter } from './row-emitter.ts';
import { ScanFilters } from './scan-filters.ts';
import { SlotConnection } from './slot-connection.ts';
import { registerEmitRows } from './slot-instance.ts';
import {
  isAnswered,
  type NumberedRun,
  type SlotOrder,
  type SlotReport,
  type SlotStart,
} from './slot-messages.ts';
import type { SlotProfile } from './slot-profile.ts';
import { SlotSignals } from './slot-signals.ts';

const INTERRUPT_AGAIN_MS = 20;

class SlotThread {
  readonly #port: MessagePort;
  readonly #signals: SlotSignals;
  readonly #sources: PageSources;
  readonly #filters = new ScanFilters();
  #openConnection: SlotConnection | undefined;
  #session: FragmentSession | undefined;
  #isExecuting = false;
  #broken: unknown;

  constructor(port: MessagePort, start: SlotStart) {
    this.#port = port;
    this.#signals = new SlotSignals(start.signals);
    this.#sources = new PageSources({
      port: start.inputPort,
      signals: this.#signals,
      onConsumed: (sourceId, byteCount) => this.#report({ kind: 'consumed', sourceId, byteCount }),
      onFailure: (error) => this.#session?.noteFailure(error),
    });
    port.on('message', (order: SlotOrder) => void this.#obey(order));
  }

  /**
   * Whatever is thrown where nobody catches it must not end this thread: DuckDB may be executing, and then the
   * whole process would be aborted. The statement fails instead, and every order after it.
   */
  onBroken(error: unknown): void {
    this.#broken ??= error;
    this.#session?.noteFailure(error);
    if (this.#isExecuting) this.#connection.interrupt();
  }

  async #obey(order: SlotOrder): Promise<void> {
    try {
      if (this.#broken !== undefined && isAnswered(order)) throw this.#broken;
      await this.#perform(order);
    } catch (error) {
      // Nobody waits for a report on it: it would be taken for the answer to another order.
      if (!isAnswered(order)) return this.onBroken(error);
      this.#report(failureOf(error));
    }
  }

  async #perform(order: SlotOrder): Promise<void> {
    switch (order.kind) {
      case 'open':
        await this.#open(order.profile);
        return this.#report({ kind: 'opened' });
      case 'inspect': {
        const engine = await this.#connection.describeEngine();
        return this.#report({ kind: 'inspected', engine });
      }
      case 'execute':
        if (order.begin !== undefined) await this.#begin(order.begin);
        return await this.#execute(order.batch);
      case 'flush':
        return this.#report({ kind: 'flushed', result: this.#session?.flush() ?? {} });
      case 'interrupt':
        return this.#interrupt();
      case 'end':
        await this.#session?.end();
        this.#sources.end();
        this.#session = undefined;
        return this.#report({ kind: 'ended' });
      case 'close':
        // Whatever becomes of DuckDB, the main thread waits for this one to end.
        this.#port.close();
        return this.#openConnection?.close();
      default:
        return assertNever(order);
    }
  }

  get #connection(): SlotConnection {
    assert(this.#openConnection !== undefined, 'an instance is open');
    return this.#openConnection;
  }

  async #open(profile: SlotProfile): Promise<void> {
    this.#openConnection?.close();
    this.#openConnection = undefined;
    const connection = await SlotConnection.open(profile);
    this.#openConnection = connection;
    registerEmitRows(connection.handle, (chunk) => {
      assert(this.#session !== undefined, 'rows belong to a run');
      this.#session.emit(chunk);
    });
    this.#sources.register(connection.handle, profile.threads);
    this.#filters.register(connection.handle);
  }

  async #begin({ runNumber, run }: NumberedRun): Promise<void> {
    await this.#connection.renew();
    const shared = { signals: this.#signals, clock: systemClock };
    const emitter = new RowEmitter(run, {
      ...shared,
      send: (pages) => {
        this.#report(
          { kind: 'pages', pages },
          pages.map(({ page }) => page),
        );
      },
    });
    this.#sources.begin(runNumber, run);
    this.#filters.begin();
    this.#session = new FragmentSession(run, {
      ...shared,
      connection: this.#connection,
      emitter,
      filters: this.#filters,
      onMemory: (memoryBytes) => this.#report({ kind: 'memory', memoryBytes }),
    });
  }

  async #execute(batch: StatementBatch): Promise<void> {
    const { filters = [], flush } = batch;
    const session = this.#session;
    assert(session !== undefined, 'a run has begun');
    this.#filters.add(filters);
    this.#isExecuting = true;
    try {
      const result = await session.execute(batch);
      const flushed = flush ? session.flush() : {};
      this.#report({ kind: 'executed', result: { ...result, ...flushed } });
    } finally {
      this.#isExecuting = false;
    }
  }

  /** Again and again, since DuckDB forgets an interrupt that comes just before a statement starts. */
  #interrupt(): void {
    if (!this.#isExecuting || !this.#signals.isAborted) return;
    this.#connection.interrupt();
    systemClock.schedule(INTERRUPT_AGAIN_MS, () => this.#interrupt());
  }

  #report(report: SlotReport, transfer: readonly ArrayBuffer[] = []): void {
    this.#port.postMessage(report, transfer);
  }
}

function failureOf(thrown: unknown): SlotReport {
  const error = toErrorReport(toEngineError(thrown));
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  const isBug = error.code === 'INTERNAL_ERROR' && stack !== undefined;
  return { kind: 'failed', error, ...(isBug ? { stack } : {}) };
}

assert(parentPort !== null, 'a slot is a worker thread');
const slot = new SlotThread(parentPort, workerData as SlotStart);
process.on('uncaughtException', (error) => slot.onBroken(error));
