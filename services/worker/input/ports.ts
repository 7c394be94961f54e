/** What an input queue needs: where its pages come from, memory to keep them in, and a file when that is full. */
import type { EngineError } from '../../common/error.ts';
import type { Page } from '../../common/page/page.ts';
import type { OutputLocation } from '../../common/plan/split.ts';

/** Pages of all producers of one remote source, in any order between producers; an ExchangeClient. */
export interface PageSupply {
  /** Closed, it gives the buffer back instead of reading it. */
  addLocation(location: OutputLocation): void;
  noMoreLocations(): void;
  /** The caller's own; `undefined` after the last page of the last producer. @throws EngineError */
  next(signal: AbortSignal): Promise<Page | undefined>;
  /** Nothing more is needed: frees the producers' buffers. */
  close(): void;
}

/** The worker's memory for pages that wait. */
export interface PageMemory {
  /** false: there is no room, and nothing was taken. */
  tryReserve(byteCount: number): boolean;
  release(byteCount: number): void;
}

/** One file of one queue, written and read in pieces; gone when closed. */
export interface SpillFile {
  /** Answers where the bytes are. @throws EngineError OUT_OF_DISK */
  append(bytes: Page): Promise<number>;
  read(position: number, byteLength: number): Promise<Page>;
  close(): Promise<void>;
}

export type OpenSpillFile = () => Promise<SpillFile>;

export interface InputListener {
  /** Completeness or a count changed. */
  onChange(): void;
  onFailure(error: EngineError): void;
}
