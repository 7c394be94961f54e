/**
 * The main thread's side of a slot: starts its thread, gives it one order at a time and moves pages in and
 * out. Never terminates a thread whose DuckDB may be executing: that aborts the process (duckdb.md §2).
 */
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import { assert, assertNever } from '../../common/assert.ts';
import type { CpuMeter } from '../task/cpu-meter.ts';
import { toEngineError } from '../../common/duckdb/duckdb-error.ts';
import { EngineError, fromErrorReport } from '../../common/error.ts';
import type { SourceId } from '../../common/ids.ts';
import type {
  DealtPage,
  FlushResult,
  FragmentIo,
  FragmentRun,
  StatementBatch,
  StatementResult,
} from '../task/fragment-slot.ts';
import { InputFeed } from './input-feed.ts';
import type {
  EngineDescription,
  NumberedRun,
  SlotOrder,
  SlotReport,
  SlotStart,
} from './slot-messages.ts';
import { profileKey, type SlotProfile } from './slot-profile.ts';
import { SlotSignals } from './slot-signals.ts';

type AnswerKind = 'opened' | 'inspected' | 'executed' | 'flushed' | 'ended';
type Answer = Extract<SlotReport, { kind: AnswerKind }>;

interface PendingAnswer {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: EngineError) => void;
}

interface SlotRun {
  readonly io: FragmentIo;
  readonly feeds: ReadonlyMap<SourceId, InputFeed>;
  /** What the thread does not know yet. */
  begin: NumberedRun | undefined;
  abortedBy: EngineError | undefined;
}

export class Slot {
  readonly #thread: Worker;
  readonly #cpu: CpuMeter;
  readonly #signals = new SlotSignals();
  readonly #inputPort: MessagePort;
  readonly #ended: Promise<void>;
  #profileKey: string | undefined;
  #pending: PendingAnswer | undefined;
  #run: SlotRun | undefined;
  #runNumber = 0;
  #lost: EngineError | undefined;

  /** `entry`: the compiled slot-thread. */
  constructor(entry: URL, cpu: CpuMeter) {
    this.#cpu = cpu;
    const { port1, port2 } = new MessageChannel();
    this.#inputPort = port1;
    const workerData: SlotStart = { signals: this.#signals.memory, inputPort: port2 };
    this.#thread = new Worker(entry, { workerData, transferList: [port2] });
    this.#thread.on('message', (report: SlotReport) => this.#onReport(report));
    this.#thread.on('error', (error) => this.#onLost(`failed: ${error.message}`));
    this.#ended = new Promise((resolve) => {
      this.#thread.once('exit', (code) => {
        this.#onLost(`ended with code ${code}`);
        this.#inputPort.close();
        resolve();
      });
    });
  }

  /** The thread is gone; the slot can do nothing any more. */
  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  isOpenFor(profile: SlotProfile): boolean {
    return this.#profileKey === profileKey(profile);
  }

  /** @throws EngineError when DuckDB cannot be opened with this profile. */
  async open(profile: SlotProfile): Promise<void> {
    this.#profileKey = undefined;
    await this.#ask({ kind: 'open', profile });
    this.#profileKey = profileKey(profile);
  }

  /** Needs an open instance. */
  async inspect(): Promise<EngineDescription> {
    const answer = await this.#ask({ kind: 'inspect' });
    assert(answer.kind === 'inspected', 'an inspection is answered by a description');
    return answer.engine;
  }

  begin(run: FragmentRun, io: FragmentIo): void {
    assert(this.#run === undefined, 'a slot runs one fragment at a time');
    this.#signals.reset();
    this.#runNumber += 1;
    const feeds = run.fragment.remoteSources.map(({ sourceId }) => {
      const send = (page: ArrayBuffer | undefined): void => this.#sendInput(sourceId, page);
      const read = (): Promise<ArrayBuffer | undefined> => io.readPage(sourceId);
      return [sourceId, new InputFeed(read, send)] as const;
    });
    const begin = { runNumber: this.#runNumber, run };
    const slotRun = { io, feeds: new Map(feeds), begin, abortedBy: undefined };
    this.#run = slotRun;
    for (const [, feed] of feeds) {
      feed.run().catch((error: unknown) => this.#failRun(slotRun, error));
    }
  }

  async execute(batch: StatementBatch): Promise<StatementResult> {
    const begin = this.#run?.begin;
    if (this.#run !== undefined) this.#run.begin = undefined;
    const endOfShare = this.#cpu.begin();
    let cpuMs = 0;
    let answer: Answer;
    try {
      answer = await this.#askInRun({ kind: 'execute', begin, batch });
    } finally {
      cpuMs = endOfShare();
    }
    assert(answer.kind === 'executed', 'a statement is answered by its result');
    return { ...answer.result, cpuMs };
  }

  async flush(): Promise<FlushResult> {
    const answer = await this.#askInRun({ kind: 'flush' });
    assert(answer.kind === 'flushed', 'a flush is answered by its result');
    return answer.result;
  }

  abort(error: EngineError): void {
    if (this.#run === undefined || this.#run.abortedBy !== undefined) return;
    this.#run.abortedBy = error;
    this.#signals.abort();
    this.#order({ kind: 'interrupt' });
  }

  /** Ends the run. @throws EngineError when the thread cannot forget it; then the slot is lost. */
  async end(): Promise<void> {
    const feeds = [...(this.#run?.feeds.values() ?? [])];
    this.#run = undefined;
    // Without inputs the thread has nothing to forget: the next run takes the place of this one.
    if (feeds.length === 0) return;
    for (const feed of feeds) feed.stop();
    try {
      await this.#ask({ kind: 'end' });
    } catch (error) {
      this.#lost ??= toEngineError(error);
      this.#order({ kind: 'close' });
      throw error;
    }
  }

  /** Closes DuckDB and ends the thread; only between runs. */
  async close(): Promise<void> {
    assert(this.#run === undefined && this.#pending === undefined, 'a slot closes between runs');
    this.#order({ kind: 'close' });
    await this.#ended;
  }

  async #askInRun(order: SlotOrder): Promise<Answer> {
    const run = this.#run;
    assert(run !== undefined, 'a run has begun');
    if (run.abortedBy !== undefined) throw run.abortedBy;
    try {
      const answer = await this.#ask(order);
      if (run.abortedBy !== undefined) throw run.abortedBy;
      return answer;
    } catch (error) {
      throw run.abortedBy ?? error;
    }
  }

  async #ask(order: SlotOrder): Promise<Answer> {
    assert(this.#pending === undefined, 'a slot takes one order at a time');
    if (this.#lost !== undefined) throw this.#lost;
    return await new Promise<Answer>((resolve, reject) => {
      this.#pending = { resolve, reject };
      this.#order(order);
    });
  }

  #order(order: SlotOrder): void {
    this.#thread.postMessage(order);
  }

  #onReport(report: SlotReport): void {
    switch (report.kind) {
      case 'pages':
        for (const page of report.pages) this.#onPage(page);
        return;
      case 'consumed':
        this.#run?.feeds.get(report.sourceId)?.onConsumed(report.byteCount);
        return;
      case 'memory':
        this.#run?.io.onMemory(report.memoryBytes);
        return;
      case 'failed':
        this.#takePending().reject(fromErrorReport(report.error, report.stack));
        return;
      case 'opened':
      case 'inspected':
      case 'executed':
      case 'flushed':
      case 'ended':
        this.#takePending().resolve(report);
        return;
      default:
        assertNever(report);
    }
  }

  #onPage(dealt: DealtPage): void {
    const run = this.#run;
    if (run === undefined) return;
    const { byteLength } = dealt.page;
    const credit = (): void => {
      if (this.#run === run) this.#signals.subtractBytesUnderway(byteLength);
    };
    try {
      const room = run.io.acceptPage(dealt);
      if (room === undefined) credit();
      else room.then(credit, (error: unknown) => this.#failRun(run, error));
    } catch (error) {
      this.#failRun(run, error);
    }
  }

  #sendInput(sourceId: SourceId, page: ArrayBuffer | undefined): void {
    const message = { runNumber: this.#runNumber, sourceId, page };
    this.#inputPort.postMessage(message, page === undefined ? [] : [page]);
    this.#signals.ring();
  }

  /** What fails beside the statement, such as reading its input, fails the statement. */
  #failRun(run: SlotRun, error: unknown): void {
    if (this.#run !== run) return;
    this.abort(toEngineError(error));
  }

  #takePending(): PendingAnswer {
    const pending = this.#pending;
    assert(pending !== undefined, 'every answer has its order');
    this.#pending = undefined;
    return pending;
  }

  #onLost(how: string): void {
    this.#lost ??= new EngineError('INTERNAL_ERROR', `a thread of the worker ${how}`);
    this.#pending?.reject(this.#lost);
    this.#pending = undefined;
  }
}
