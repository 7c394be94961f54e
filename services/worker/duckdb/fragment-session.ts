/**
 * One fragment's run in a slot: from `begin` to `end`, one statement or several. Lives in the slot's thread.
 *
 * A statement's result counts only when it resolves: an error rejects it even after rows were emitted, and a
 * count that differs from the rows emitted is a failure too, so that no result is ever cut short in silence.
 */
import type duckdb from '@duckdb/node-bindings';
import type { Clock } from '../../common/clock.ts';
import { toEngineError } from '../../common/duckdb/duckdb-error.ts';
import { EngineError } from '../../common/error.ts';
import type { SourceId } from '../../common/ids.ts';
import type { FileSplit } from '../../common/plan/split.ts';
import type {
  FlushResult,
  FragmentRun,
  StatementBatch,
  StatementForm,
} from '../task/fragment-slot.ts';
import { expectUnchanged, type SourceCheck } from './file-state.ts';
import {
  fragmentStatement,
  loadedSources,
  loadStatement,
  unloadStatement,
} from './fragment-statement.ts';
import { MemoryWatch, type MemoryUsage } from './memory-watch.ts';
import type { RowEmitter } from './row-emitter.ts';
import type { ScanFilters } from './scan-filters.ts';
import { otherVectors, readCount, readText, type SlotConnection } from './slot-connection.ts';
import type { MeasuredStatement } from './slot-messages.ts';
import type { SlotSignals } from './slot-signals.ts';
import { findSourceError } from './source-files.ts';
import { profiledStatement, readProfile } from './statement-profile.ts';

/** Rows for a client are not held back longer than this while the statement goes on. */
const EARLY_FLUSH_MS = 50;

type Splits = ReadonlyMap<SourceId, readonly FileSplit[]>;

export interface SessionDeps {
  readonly connection: SlotConnection;
  readonly emitter: RowEmitter;
  readonly signals: SlotSignals;
  readonly filters: ScanFilters;
  readonly clock: Clock;
  /** DuckDB's memory at this moment of a statement that takes longer. */
  readonly onMemory: (memoryBytes: number) => void;
}

export class FragmentSession {
  readonly #run: FragmentRun;
  readonly #deps: SessionDeps;
  /** The typed cause of a callback's error, which DuckDB gives back as text only. */
  #failure: unknown;
  #profile: MemoryUsage | undefined;
  #isPrepared = false;
  #cancelFlush: (() => void) | undefined;

  constructor(run: FragmentRun, deps: SessionDeps) {
    this.#run = run;
    this.#deps = deps;
  }

  /** For the callbacks: the rows of the running statement. Throwing makes it fail. */
  emit(chunk: duckdb.DataChunk): void {
    const { emitter } = this.#deps;
    try {
      emitter.append(chunk);
    } catch (error) {
      this.noteFailure(error);
      throw error;
    }
    if (emitter.limitReached) throw new Error('the row limit is reached');
    this.#armFlush();
  }

  noteFailure(error: unknown): void {
    this.#failure ??= error;
  }

  /** @throws EngineError with the cause, a broken file of the splits included. */
  async execute({ splits, form = 'plain' }: StatementBatch): Promise<MeasuredStatement> {
    const { clock, connection, emitter, filters, onMemory } = this.#deps;
    const startedAt = clock.now();
    const { waitedMs } = emitter;
    const watch = new MemoryWatch(connection, clock, onMemory);
    let outputRows: number;
    let memory: MemoryUsage;
    this.#profile = undefined;
    try {
      await this.#expectFiles(splits);
      await this.#prepare();
      outputRows = await this.#emitRows(splits, form);
      // A file that was written while it was read may have been read half old, half new.
      await this.#expectFiles(splits);
    } catch (error) {
      throw await this.#causeOf(error, splits);
    } finally {
      memory = await watch.stop();
      this.#disarmFlush();
    }
    const { aggregatedRows } = emitter;
    return {
      outputRows,
      ...(aggregatedRows === undefined ? {} : { aggregatedRows }),
      limitReached: emitter.limitReached,
      busyMs: clock.now() - startedAt,
      outputFullMs: emitter.waitedMs - waitedMs,
      filteredRows: filters.takeRejectedRows() + this.#shutRows(splits),
      ...(this.#profile ?? memory),
    };
  }

  /** Sends all rows that are still held; tells what all rows since the last time say of join keys. */
  flush(): FlushResult {
    const { emitter } = this.#deps;
    emitter.flush();
    const collectedDomains = emitter.keys?.take();
    return collectedDomains === undefined ? {} : { collectedDomains };
  }

  async end(): Promise<void> {
    if (!this.#isPrepared) return;
    for (const source of loadedSources(this.#run.fragment)) {
      await this.#deps.connection.run(unloadStatement(source));
    }
  }

  async #expectFiles(splits: Splits): Promise<void> {
    for (const check of this.#checks(splits)) await expectUnchanged(check);
  }

  #checks(splits: Splits): readonly SourceCheck[] {
    const { connection } = this.#deps;
    const { fragment, partition } = this.#run;
    return fragment.scans.map((scan) => {
      return { connection, scan, splits: splits.get(scan.sourceId) ?? [], partition };
    });
  }

  async #prepare(): Promise<void> {
    if (this.#isPrepared) return;
    this.#isPrepared = true;
    for (const statement of this.#run.preparation) {
      this.#deps.signals.throwIfAborted();
      await this.#deps.connection.change(statement);
    }
    for (const source of loadedSources(this.#run.fragment)) {
      await this.#runStatement(loadStatement(source));
    }
  }

  /** Rows that this statement gave. */
  async #emitRows(splits: Splits, form: StatementForm): Promise<number> {
    const { emitter, filters } = this.#deps;
    const before = emitter.rowCount;
    emitter.countAggregated(form === 'counting');
    const sql = fragmentStatement(this.#run, { form, splits, filters });
    let counted: number;
    try {
      counted = await this.#countRows(sql);
    } catch (error) {
      if (!emitter.limitReached || this.#failure !== undefined) throw error;
      emitter.keys?.giveUp();
      return emitter.rowCount - before;
    }
    const emitted = emitter.rowCount - before;
    if (emitter.limitReached) emitter.keys?.giveUp();
    if (counted === emitted || emitter.limitReached) return emitted;
    throw new EngineError('INTERNAL_ERROR', `${counted} rows were counted, ${emitted} emitted`);
  }

  /** Rows of scans that were not read at all. */
  #shutRows(splits: Splits): number {
    return this.#run.fragment.scans
      .filter((scan) => this.#deps.filters.isShut(scan))
      .flatMap(({ sourceId }) => splits.get(sourceId) ?? [])
      .reduce((sum, { rowCount }) => sum + rowCount, 0);
  }

  /** A profiled statement answers with its profile in place of the count, and has only its rows themselves to count. */
  async #countRows(sql: string): Promise<number> {
    const { emitter } = this.#deps;
    if (!this.#run.isProfiled) {
      const result = await this.#runStatement(sql);
      emitter.keys?.addStatement(otherVectors(result));
      return readCount(result);
    }
    const before = emitter.rowCount;
    const result = await this.#runStatement(profiledStatement(sql));
    this.#profile = readProfile(readText(result, 1));
    emitter.keys?.addUncounted();
    return emitter.rowCount - before;
  }

  /** An interrupt reaches only the statement that runs; between two of them the flag is the only sign. */
  async #runStatement(sql: string): Promise<duckdb.Result> {
    this.#deps.signals.throwIfAborted();
    return await this.#deps.connection.run(sql);
  }

  async #causeOf(error: unknown, splits: Splits): Promise<EngineError> {
    const cause = withoutPosition(toEngineError(this.#failure ?? error));
    if (this.#failure !== undefined || this.#deps.signals.isAborted) return cause;
    for (const check of this.#checks(splits)) {
      const found = await findSourceError(check, cause);
      if (found !== undefined) return found;
    }
    return cause;
  }

  /** Timers fire between callbacks, while DuckDB's threads work. */
  #armFlush(): void {
    const { emitter, clock } = this.#deps;
    if (this.#cancelFlush !== undefined || !this.#hasClient || !emitter.hasPendingRows) return;
    this.#cancelFlush = clock.schedule(EARLY_FLUSH_MS, () => {
      this.#cancelFlush = undefined;
      emitter.flush();
    });
  }

  #disarmFlush(): void {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
  }

  get #hasClient(): boolean {
    return this.#run.deals.some((deal) => deal.layout === 'result');
  }
}

/** Positions are offsets in the SQL that the planner wrote; to the user they would point anywhere. */
function withoutPosition(error: EngineError): EngineError {
  if (error.position === undefined) return error;
  return new EngineError(error.code, error.message, { details: error.details, cause: error });
}
