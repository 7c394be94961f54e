import type { OutputBufferId } from '../ids.ts';

/** How pages reach the buffers of one output (T10). */
export type OutputBufferKind = 'partitioned' | 'broadcast' | 'arbitrary';

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
}
