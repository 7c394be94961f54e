/**
 * The life of one output (scheduling.md §4, "States"):
 *
 *   OPEN ─ no more buffers ─▶ NO_MORE_BUFFERS ─ no more pages ──▶ FLUSHING ─ all read ─▶ FINISHED
 *     └─── no more pages ───▶ NO_MORE_PAGES ─── no more buffers ─────┘
 *
 * From every state before the end: destroyed → FINISHED (readers see an end), aborted → ABORTED, failed → FAILED
 * (readers never see an end). Readers that are all gone finish an output early, once no other can come. A stored output
 * waits for no reader: FLUSHING ─ all stored ─▶ FINISHED.
 */
import type { OutputBufferState } from '../../common/task/output-buffers.ts';

export type OutputBufferTransition =
  | 'no-more-buffers'
  | 'no-more-pages'
  | 'all-readers-done'
  | 'all-stored'
  | 'destroy'
  | 'abort'
  | 'fail';

/** The state after the transition; where one means nothing the state stays as it is. */
export function nextOutputBufferState(
  state: OutputBufferState,
  transition: OutputBufferTransition,
): OutputBufferState {
  if (isEnded(state)) return state;
  switch (transition) {
    case 'no-more-buffers':
      return afterNoMoreBuffers(state);
    case 'no-more-pages':
      return afterNoMorePages(state);
    case 'all-readers-done':
      return acceptsBuffers(state) ? state : 'finished';
    case 'all-stored':
      return state === 'flushing' ? 'finished' : state;
    case 'destroy':
      return 'finished';
    case 'abort':
      return 'aborted';
    case 'fail':
      return 'failed';
  }
}

export function isEnded(state: OutputBufferState): boolean {
  return state === 'finished' || state === 'aborted' || state === 'failed';
}

/** Pages are added; in all other states they are dropped. */
export function acceptsPages(state: OutputBufferState): boolean {
  return state === 'open' || state === 'no-more-buffers';
}

export function acceptsBuffers(state: OutputBufferState): boolean {
  return state === 'open' || state === 'no-more-pages';
}

function afterNoMoreBuffers(state: OutputBufferState): OutputBufferState {
  if (state === 'open') return 'no-more-buffers';
  return state === 'no-more-pages' ? 'flushing' : state;
}

function afterNoMorePages(state: OutputBufferState): OutputBufferState {
  if (state === 'open') return 'no-more-pages';
  return state === 'no-more-buffers' ? 'flushing' : state;
}
