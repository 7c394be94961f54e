import { describe, expect, it } from 'vitest';
import type { OutputBufferState } from '../../../../services/common/task/output-buffers.ts';
import type { OutputBufferTransition } from '../../../../services/worker/output/output-buffer-state.ts';
import {
  acceptsBuffers,
  acceptsPages,
  isEnded,
  nextOutputBufferState,
} from '../../../../services/worker/output/output-buffer-state.ts';

const TRANSITIONS: Record<OutputBufferState, Record<OutputBufferTransition, OutputBufferState>> = {
  open: {
    'no-more-buffers': 'no-more-buffers',
    'no-more-pages': 'no-more-pages',
    'all-readers-done': 'open',
    'all-stored': 'open',
    destroy: 'finished',
    abort: 'aborted',
    fail: 'failed',
  },
  'no-more-buffers': {
    'no-more-buffers': 'no-more-buffers',
    'no-more-pages': 'flushing',
    'all-readers-done': 'finished',
    'all-stored': 'no-more-buffers',
    destroy: 'finished',
    abort: 'aborted',
    fail: 'failed',
  },
  'no-more-pages': {
    'no-more-buffers': 'flushing',
    'no-more-pages': 'no-more-pages',
    'all-readers-done': 'no-more-pages',
    'all-stored': 'no-more-pages',
    destroy: 'finished',
    abort: 'aborted',
    fail: 'failed',
  },
  flushing: {
    'no-more-buffers': 'flushing',
    'no-more-pages': 'flushing',
    'all-readers-done': 'finished',
    'all-stored': 'finished',
    destroy: 'finished',
    abort: 'aborted',
    fail: 'failed',
  },
  finished: ended('finished'),
  aborted: ended('aborted'),
  failed: ended('failed'),
};

function ended(state: OutputBufferState): Record<OutputBufferTransition, OutputBufferState> {
  return {
    'no-more-buffers': state,
    'no-more-pages': state,
    'all-readers-done': state,
    'all-stored': state,
    destroy: state,
    abort: state,
    fail: state,
  };
}

const cells = Object.entries(TRANSITIONS).flatMap(([state, row]) =>
  Object.entries(row).map(
    ([transition, next]) =>
      [state as OutputBufferState, transition as OutputBufferTransition, next] as const,
  ),
);

describe('the states of an output', () => {
  it.each(cells)('%s, %s → %s', (state, transition, next) => {
    expect(nextOutputBufferState(state, transition)).toBe(next);
  });

  it('take pages before the last page, buffers before the last buffer, nothing after the end', () => {
    const states = Object.keys(TRANSITIONS) as OutputBufferState[];
    expect(states.filter(acceptsPages)).toEqual(['open', 'no-more-buffers']);
    expect(states.filter(acceptsBuffers)).toEqual(['open', 'no-more-pages']);
    expect(states.filter(isEnded)).toEqual(['finished', 'aborted', 'failed']);
  });
});
