/** Slots whose DuckDB is a few lines: it passes rows on, as every simulated fragment does. */
import type { DynamicFilter } from '../../../services/common/dynamic-filter/dynamic-filter.ts';
import { EngineError } from '../../../services/common/error.ts';
import type { FileSplit } from '../../../services/common/plan/split.ts';
import type {
  FlushResult,
  FragmentIo,
  FragmentRun,
  FragmentSlot,
  FragmentSlots,
  SlotRequest,
  StatementBatch,
  StatementResult,
} from '../../../services/worker/task/fragment-slot.ts';
import { collectDomains, filterRows, isJoined, joinRows, keyOf } from '../joins.ts';
import type { Row } from '../rows.ts';
import { digestOf, isInnerLimit, partitionOf, passRow, rowOfLimit, rowsOfSplit } from '../rows.ts';
import type { VirtualTime } from '../virtual-time.ts';
import { fromPage, toPage } from './rows-in-pages.ts';
import { untilAborted } from './until-aborted.ts';

export interface SimulatedSlotsDeps {
  readonly time: VirtualTime;
  readonly slotCount: number;
  /** Milliseconds that the next unit of work takes. */
  readonly drawWorkMs: () => number;
  /** Deals the rows of a fragment that is not deterministic otherwise in each run. */
  readonly drawSalt: () => number;
  readonly onSplitDone: (split: FileSplit) => void;
  /** Bytes that a task of this stage and partition needs, whichever attempt it is. */
  readonly needBytes: (stageId: number, partition: number) => number;
}

const ROWS_PER_PAGE = 4;

export class SimulatedSlots implements FragmentSlots {
  readonly #deps: SimulatedSlotsDeps;
  readonly #waiting: (() => void)[] = [];
  readonly #busy = new Set<SimulatedSlot>();

  constructor(deps: SimulatedSlotsDeps) {
    this.#deps = deps;
  }

  async acquire(request: SlotRequest, signal: AbortSignal): Promise<FragmentSlot> {
    signal.throwIfAborted();
    if (this.#busy.size >= this.#deps.slotCount) await this.#waitForSlot(signal);
    const slot = new SimulatedSlot(this.#deps, {
      memoryBytes: request.memoryLimitBytes === 0 ? Infinity : request.memoryLimitBytes,
      onRelease: () => this.#release(slot),
      mayKeep: () => this.#waiting.length === 0,
    });
    this.#busy.add(slot);
    return slot;
  }

  /** Makes a statement that is running fail; false when none is. */
  failOne(error: EngineError): boolean {
    const [slot] = this.#busy;
    slot?.abort(error);
    return slot !== undefined;
  }

  async #waitForSlot(signal: AbortSignal): Promise<void> {
    let waiter: (() => void) | undefined;
    const granted = new Promise<void>((grant) => this.#waiting.push((waiter = grant)));
    try {
      await untilAborted(granted, signal);
    } catch (error) {
      const index = this.#waiting.findIndex((each) => each === waiter);
      if (index !== -1) this.#waiting.splice(index, 1);
      // It was granted in the same moment: the next one's turn.
      else this.#waiting.shift()?.();
      throw error;
    }
  }

  #release(slot: SimulatedSlot): void {
    if (!this.#busy.delete(slot)) return;
    this.#waiting.shift()?.();
  }
}

interface SlotHold {
  /** What its task may use. */
  readonly memoryBytes: number;
  readonly onRelease: () => void;
  /** Nobody waits for it: a slot is given up as often as can be, whoever has more right to it. */
  readonly mayKeep: () => boolean;
}

class SimulatedSlot implements FragmentSlot {
  readonly #deps: SimulatedSlotsDeps;
  readonly #hold: SlotHold;
  readonly #aborting = new AbortController();
  readonly #filters: DynamicFilter[] = [];
  readonly #keys = new Set<string>();
  #broadcast: readonly Row[] = [];
  #run: FragmentRun | undefined;
  #io: FragmentIo | undefined;
  /** What is broadcast to the fragment; kept between statements. */
  #digest: number | undefined;
  #outputRows = 0;
  #salt = 0;

  constructor(deps: SimulatedSlotsDeps, hold: SlotHold) {
    this.#deps = deps;
    this.#hold = hold;
  }

  begin(run: FragmentRun, io: FragmentIo): void {
    this.#run = run;
    if (run.fragment.determinism !== 'deterministic') this.#salt = this.#deps.drawSalt();
    this.#io = io;
  }

  async execute(batch: StatementBatch): Promise<StatementResult> {
    const before = this.#outputRows;
    const peakMemoryBytes = await this.#needMemory();
    const streamed = await this.#readInputs();
    this.#filters.push(...(batch.filters ?? []));
    for (const [sourceId, splits] of batch.splits) {
      for (const split of splits) {
        await this.#work();
        this.#deps.onSplitDone(split);
        await this.#emit(this.#joined(rowsOfSplit(sourceId, split)));
      }
    }
    for (let at = 0; at < streamed.length; at += ROWS_PER_PAGE) {
      await this.#work();
      await this.#emit(streamed.slice(at, at + ROWS_PER_PAGE));
    }
    return {
      ...(batch.flush ? this.#takeDomains() : {}),
      outputRows: this.#outputRows - before,
      limitReached: this.#room() === 0,
      busyMs: 0,
      outputFullMs: 0,
      cpuMs: 0,
      peakMemoryBytes,
      spilledBytes: 0,
      filteredRows: 0,
    };
  }

  flush(): Promise<FlushResult> {
    return Promise.resolve(this.#takeDomains());
  }

  mayKeep(): boolean {
    return this.#hold.mayKeep();
  }

  abort(error: EngineError): void {
    this.#aborting.abort(error);
  }

  release(): Promise<void> {
    this.#hold.onRelease();
    return Promise.resolve();
  }

  /** As much as it needs, whatever it reads; fails without it. */
  async #needMemory(): Promise<number> {
    const { fragment, partition } = this.#begun().run;
    const needBytes = this.#deps.needBytes(fragment.id, partition);
    if (needBytes <= this.#hold.memoryBytes) return needBytes;
    await this.#work();
    throw new EngineError('OUT_OF_MEMORY', `${needBytes} bytes of ${this.#hold.memoryBytes}`);
  }

  #takeDomains(): FlushResult {
    const { fragment } = this.#begun().run;
    if (fragment.collectedKeys === undefined) return {};
    const collectedDomains = collectDomains(fragment, this.#keys);
    this.#keys.clear();
    return { collectedDomains };
  }

  #joined(rows: readonly Row[]): readonly Row[] {
    const { fragment } = this.#begun().run;
    if (!isJoined(fragment)) return rows;
    return joinRows(filterRows(rows, fragment, this.#filters), this.#broadcast);
  }

  /** Rows of the inputs that are not broadcast; the others become the digest, once. */
  async #readInputs(): Promise<readonly Row[]> {
    const { run, io } = this.#begun();
    if (this.#digest !== undefined) return [];
    const streamed: Row[] = [];
    const broadcast: Row[] = [];
    for (const { sourceId, delivery } of run.fragment.remoteSources) {
      const rows = delivery === 'broadcast' ? broadcast : streamed;
      for (;;) {
        const page = await this.#unlessAborted(io.readPage(sourceId));
        if (page === undefined) break;
        rows.push(...fromPage(page));
      }
    }
    this.#digest = digestOf(broadcast);
    this.#broadcast = broadcast;
    return streamed;
  }

  async #emit(input: readonly Row[]): Promise<void> {
    const { run, io } = this.#begun();
    const { fragment, deals } = run;
    const taken = input.slice(0, this.#room());
    const rows = taken.map((row, index) =>
      isInnerLimit(fragment)
        ? rowOfLimit(fragment.id, this.#outputRows + index)
        : passRow(row, this.#digest ?? 0),
    );
    this.#outputRows += rows.length;
    for (const row of rows) this.#keys.add(keyOf(row));
    for (const [deal, { keys, partitionCount }] of deals.entries()) {
      for (let partition = 0; partition < partitionCount; partition += 1) {
        const part =
          keys === undefined
            ? rows
            : rows.filter((row) => this.#partitionOf(row, partitionCount) === partition);
        if (part.length === 0) continue;
        const pause = io.acceptPage({ deal, partition, page: toPage(part), rowCount: part.length });
        if (pause !== undefined) await this.#unlessAborted(pause);
      }
    }
  }

  #partitionOf(row: Row, partitionCount: number): number {
    return (partitionOf(row, partitionCount) + this.#salt) % partitionCount;
  }

  /** Rows that are still wanted. */
  #room(): number {
    return (this.#begun().run.rowLimit ?? Infinity) - this.#outputRows;
  }

  async #work(): Promise<void> {
    await this.#deps.time.sleep(this.#deps.drawWorkMs(), this.#aborting.signal);
  }

  #unlessAborted<T>(promise: Promise<T>): Promise<T> {
    return untilAborted(promise, this.#aborting.signal);
  }

  #begun(): { readonly run: FragmentRun; readonly io: FragmentIo } {
    if (this.#run === undefined || this.#io === undefined) {
      throw new EngineError('INTERNAL_ERROR', 'a statement before its run was said');
    }
    return { run: this.#run, io: this.#io };
  }
}
