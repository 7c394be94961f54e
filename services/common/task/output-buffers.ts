import type { OutputBufferId } from '../ids.ts';

/** How pages reach the buffers of one output (T10). */
export type OutputBufferKind = 'partitioned' | 'broadcast' | 'arbitrary';

/**
 * Where the pages of one output are kept.
 *
 * - `streaming`: in the producer's memory, until its readers have acknowledged them.
 * - `retained`: in files of the producing worker, lost with it, until the coordinator releases them (`release-output`).
 * - `spooled`: outside of the worker, which they survive.
 *
 * A stored (retained or spooled) output ends when its pages are stored, whether or not anybody reads. Each of its
 * buffers can be read from token 0 as often as wanted, by several readers at once; acknowledging or destroying frees
 * nothing. All its ids are declared at once: a broadcast output has one buffer, which all its readers read; the
 * pages of an arbitrary output are dealt in turn.
 */
export type OutputRetention = 'streaming' | 'retained' | 'spooled';

/**
 * What the coordinator has told a task of one output's buffers. Versions only grow; an older or equal one is
 * ignored; ids are only added; nothing changes after `noMoreBufferIds`. A partitioned output declares all ids
 * at once.
 */
export interface OutputBuffers {
  readonly kind: OutputBufferKind;
  readonly version: number;
  readonly bufferIds: readonly OutputBufferId[];
  readonly noMoreBufferIds: boolean;
  /** The same in all versions. Absent = streaming. */
  readonly retention?: OutputRetention;
  /**
   * Declared ids that nobody will read: their readers ended before they heard of this task. As if destroyed by the
   * reader; only ever added, also after `noMoreBufferIds`. Absent = none.
   */
  readonly abandonedBufferIds?: readonly OutputBufferId[];
}

/** OPEN → NO_MORE_BUFFERS | NO_MORE_PAGES → FLUSHING → FINISHED; ABORTED and FAILED never look finished. */
export type OutputBufferState =
  'open' | 'no-more-buffers' | 'no-more-pages' | 'flushing' | 'finished' | 'aborted' | 'failed';

export interface OutputBufferStatus {
  readonly state: OutputBufferState;
  readonly bufferedBytes: number;
  /** bufferedBytes ÷ capacity. */
  readonly utilization: number;
  readonly overutilized: boolean;
  /** Of a stored output that is finished: bytes of each buffer, in the order of the declared ids (F22). */
  readonly storedBytes?: readonly number[];
}
