/**
 * The worker's slots: some narrow ones for the tasks of its stages, and a wide one with all threads for
 * statements that run alone. They are opened before the first task comes and granted by turns (slot-turns.ts);
 * a wide request takes a narrow slot rather than wait for the wide one.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from '../../common/assert.ts';
import type { DataAccess } from '../../common/config/object-store.ts';
import { EngineError } from '../../common/error.ts';
import type { QueryId } from '../../common/ids.ts';
import type { Logger } from '../../common/logger.ts';
import type { MemoryBroker, MemoryLease } from '../memory/memory-broker.ts';
import type { CpuMeter } from '../task/cpu-meter.ts';
import type { FragmentSlot, FragmentSlots, SlotRequest } from '../task/fragment-slot.ts';
import { type SlotClaim, SlotTurns } from '../task/slot-turns.ts';
import { SOLE_SHARE } from '../../common/sharing/query-share.ts';
import { GrantedSlot } from './granted-slot.ts';
import type { EngineDescription } from './slot-messages.ts';
import type { SlotProfile } from './slot-profile.ts';
import { Slot } from './slot.ts';

export interface SlotPoolOptions {
  /** The compiled slot-thread. */
  readonly threadEntry: URL;
  /** Narrow slots: tasks that run at a time. */
  readonly slotCount: number;
  readonly cores: number;
  /** Files below these may be read. */
  readonly allowedDirectories: readonly string[];
  readonly dataAccess?: DataAccess;
  /** A directory of this worker's own; made here, removed at the end. */
  readonly spillDirectory: string;
  readonly spillLimitBytes: number;
  /** Settings of the slots that are opened before the first task comes. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface SlotPoolDeps {
  readonly memory: MemoryBroker;
  readonly cpu: CpuMeter;
  readonly log: Logger;
}

type Kind = 'narrow' | 'wide';

/** Before any query. */
const PREWARMING: SlotClaim = { queryId: '' as QueryId, share: SOLE_SHARE };

interface Place {
  readonly kind: Kind;
  readonly index: number;
  slot: Slot;
  /** Slots that were here before: each has a directory of its own, which it may hold longer than its place. */
  lostCount: number;
  state: 'idle' | 'busy';
}

interface Waiting extends SlotClaim {
  readonly request: SlotRequest;
  readonly grant: (place: Place, lease: MemoryLease) => void;
  readonly refuse: (error: unknown) => void;
}

export class SlotPool implements FragmentSlots {
  readonly #options: SlotPoolOptions;
  readonly #deps: SlotPoolDeps;
  readonly #places: readonly Place[];
  readonly #turns = new SlotTurns<Waiting>();
  readonly #waiting = new Set<Waiting>();
  #isClosed = false;
  /** Called when the pool is closed and the last task has given its slot back. */
  #onDrained: () => void = () => undefined;

  constructor(options: SlotPoolOptions, deps: SlotPoolDeps) {
    this.#options = options;
    this.#deps = deps;
    mkdirSync(options.spillDirectory, { recursive: true });
    const kinds: readonly Kind[] = ['wide', ...Array<Kind>(options.slotCount).fill('narrow')];
    this.#places = kinds.map((kind, index) => {
      const slot = new Slot(options.threadEntry, deps.cpu);
      return { kind, index, slot, lostCount: 0, state: 'idle' };
    });
  }

  /** DuckDB memory that the running tasks may use together. */
  get leasedBytes(): number {
    return this.#deps.memory.leasedBytes;
  }

  /**
   * Opens all slots with the usual profile; answers as soon as the first can say what its DuckDB is.
   * @throws EngineError when that cannot be opened.
   */
  async prewarm(): Promise<EngineDescription> {
    const { settings } = this.#options;
    const request: SlotRequest = {
      threads: 'task',
      mayReorderJoins: false,
      memoryLimitBytes: 0,
      settings,
      claim: PREWARMING,
    };
    const [first, ...others] = this.#places;
    assert(first !== undefined, 'a pool has a wide slot');
    const engine = this.#prewarmPlace(first, request, async (slot) => await slot.inspect());
    // What fails is logged, and tried again when a task needs the slot.
    for (const place of others) {
      this.#prewarmPlace(place, request, () => undefined).catch(() => undefined);
    }
    return await engine;
  }

  async acquire(request: SlotRequest, signal: AbortSignal): Promise<FragmentSlot> {
    signal.throwIfAborted();
    const { place, lease } = await this.#waitForPlace(request, signal);
    const give = (): void => {
      lease.release();
      this.#turns.release(request.claim);
      this.#giveBack(place);
    };
    try {
      const profile = this.#profile(place, request, lease.byteCount);
      if (!place.slot.isOpenFor(profile)) await place.slot.open(profile);
      signal.throwIfAborted();
    } catch (error) {
      give();
      throw error;
    }
    const mayKeep = (): boolean =>
      this.#turns.mayKeep(request.claim, (waiting) => canServe(place, waiting.request));
    return new GrantedSlot(place.slot, { give, mayKeep }, this.#deps.log);
  }

  /** Refuses new requests, waits for the slots that are in use, then ends all threads. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const error = new EngineError('SHUTTING_DOWN', 'the worker is shutting down');
    for (const waiting of this.#waiting) this.#forget(waiting).refuse(error);
    if (!this.#isIdle) await new Promise<void>((resolve) => (this.#onDrained = resolve));
    const living = this.#places.filter(({ slot }) => !slot.isLost);
    await Promise.all(living.map(async ({ slot }) => await slot.close()));
    rmSync(this.#options.spillDirectory, { recursive: true, force: true });
  }

  async #waitForPlace(
    request: SlotRequest,
    signal: AbortSignal,
  ): Promise<{ readonly place: Place; readonly lease: MemoryLease }> {
    if (this.#isClosed) throw new EngineError('SHUTTING_DOWN', 'the worker is shutting down');
    return await new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#forget(waiting);
        reject(signal.reason as Error);
        // Who asked for much memory may have kept others from it.
        this.#grant();
      };
      const waiting: Waiting = {
        ...request.claim,
        request,
        grant: (place, lease) => {
          signal.removeEventListener('abort', onAbort);
          resolve({ place, lease });
        },
        refuse: (error) => {
          signal.removeEventListener('abort', onAbort);
          reject(error);
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(waiting);
      this.#turns.ask(waiting);
      this.#grant();
    });
  }

  /** Whose turn it is and who finds no memory keeps it from all others, so that they cannot take it for ever. */
  #grant(): void {
    for (;;) {
      const idle = this.#places.filter((place) => place.state === 'idle');
      const waiting = this.#turns.next(({ request }) =>
        idle.some((each) => canServe(each, request)),
      );
      if (waiting === undefined) return;
      const place = this.#findPlace(waiting.request);
      assert(place !== undefined, 'a slot that can serve is idle');
      const lease = this.#deps.memory.tryLease(this.#leaseBytes(place, waiting.request));
      if (lease === undefined) return;
      place.state = 'busy';
      this.#waiting.delete(waiting);
      this.#turns.grant(waiting);
      waiting.grant(place, lease);
    }
  }

  #forget(waiting: Waiting): Waiting {
    this.#waiting.delete(waiting);
    this.#turns.leave(waiting);
    return waiting;
  }

  #findPlace(request: SlotRequest): Place | undefined {
    const idle = this.#places.filter((place) => place.state === 'idle');
    for (const place of idle) this.#replaceLost(place);
    const wide =
      request.threads === 'worker' ? idle.find(({ kind }) => kind === 'wide') : undefined;
    if (wide !== undefined) return wide;
    const narrow = idle.filter(({ kind }) => kind === 'narrow');
    const isOpen = (place: Place): boolean =>
      place.slot.isOpenFor(this.#profile(place, request, this.#leaseBytes(place, request)));
    return narrow.find(isOpen) ?? narrow[0];
  }

  #replaceLost(place: Place): void {
    if (!place.slot.isLost) return;
    this.#deps.log.error({ slot: place.index }, 'a slot was lost; another takes its place');
    place.slot = new Slot(this.#options.threadEntry, this.#deps.cpu);
    place.lostCount += 1;
  }

  /** Half of the memory is for the wide slot and half for the narrow ones, unless the task asks otherwise. */
  #leaseBytes(place: Place, request: SlotRequest): number {
    if (request.memoryLimitBytes > 0) return request.memoryLimitBytes;
    const half = Math.floor(this.#deps.memory.totalBytes / 2);
    return place.kind === 'wide' ? half : Math.floor(half / this.#options.slotCount);
  }

  #profile(place: Place, request: SlotRequest, memoryLimitBytes: number): SlotProfile {
    const { cores, slotCount, spillDirectory, spillLimitBytes } = this.#options;
    const { allowedDirectories, dataAccess } = this.#options;
    const narrow = Math.max(1, Math.floor(cores / slotCount));
    return {
      threads: request.threads === 'one' ? 1 : place.kind === 'wide' ? cores : narrow,
      memoryLimitBytes,
      tempDirectory: join(spillDirectory, `slot-${place.index}-${place.lostCount}`),
      maxTempDirectoryBytes: Math.floor(spillLimitBytes / this.#places.length),
      allowedDirectories,
      ...(dataAccess === undefined ? {} : { dataAccess }),
      settings: request.settings,
      mayReorderJoins: request.mayReorderJoins,
    };
  }

  async #prewarmPlace<T>(
    place: Place,
    request: SlotRequest,
    use: (slot: Slot) => T,
  ): Promise<Awaited<T>> {
    place.state = 'busy';
    try {
      await place.slot.open(this.#profile(place, request, this.#leaseBytes(place, request)));
      return await use(place.slot);
    } catch (error) {
      this.#deps.log.error({ err: error, slot: place.index }, 'a slot could not be opened');
      throw error;
    } finally {
      this.#giveBack(place);
    }
  }

  #giveBack(place: Place): void {
    place.state = 'idle';
    if (!this.#isClosed) this.#grant();
    else if (this.#isIdle) this.#onDrained();
  }

  get #isIdle(): boolean {
    return this.#places.every(({ state }) => state === 'idle');
  }
}

/** The wide slot is for statements that run alone, which take any. */
function canServe(place: Pick<Place, 'kind'>, { threads }: SlotRequest): boolean {
  return place.kind === 'narrow' || threads === 'worker';
}
