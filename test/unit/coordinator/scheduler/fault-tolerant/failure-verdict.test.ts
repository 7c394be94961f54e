import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../../../services/common/error.ts';
import { producerDetails } from '../../../../../services/common/task/fetch-failure.ts';
import type { LostOutput } from '../../../../../services/common/task/fetch-failure.ts';
import { judgeFailure } from '../../../../../services/coordinator/scheduler/fault-tolerant/failure-verdict.ts';
import type { FailedAttempt } from '../../../../../services/coordinator/scheduler/fault-tolerant/failure-verdict.ts';
import { DEFAULT_MEMORY_ESTIMATION } from '../../../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import { QUERY_ID } from '../../../../support/scheduler-driver.ts';
import { createMemoryEstimator } from '../../../../../services/coordinator/scheduler/fault-tolerant/memory-estimator.ts';

const NODE = 1000;
const LOST = {
  taskId: { queryId: QUERY_ID, stageId: 1, partitionId: 2, attempt: 3 },
  nodeId: 'worker-1',
  nodeInstanceId: 'worker-1-run-1',
} as LostOutput;

function judged(code: ErrorCode, changes: Partial<FailedAttempt> = {}) {
  const error = { code, message: 'it failed' };
  const failed = { error, attemptsLeft: 5, needBytes: 50, peakBytes: 60, ...changes };
  return judgeFailure(failed, createMemoryEstimator(50, DEFAULT_MEMORY_ESTIMATION), NODE);
}

describe('the verdict on a failed attempt (F17)', () => {
  it('is the end of the query for a fatal one, with its own error', () => {
    expect(judged('CONVERSION_ERROR')).toEqual({
      kind: 'fail-query',
      error: { code: 'CONVERSION_ERROR', message: 'it failed' },
    });
  });

  it('is another attempt, with more memory if it lacked that', () => {
    expect(judged('SOURCE_READ_FAILED')).toEqual({
      kind: 'retry-task',
      attemptsLeft: 4,
      needBytes: 60,
      delays: true,
    });
    expect(judged('OUT_OF_MEMORY')).toEqual({
      kind: 'retry-task',
      attemptsLeft: 4,
      needBytes: 180,
      delays: false,
    });
    expect(judged('OUT_OF_MEMORY', { attemptsLeft: 2 })).toMatchObject({ needBytes: NODE });
  });

  it('is the end of the query when no attempt is left (F10)', () => {
    expect(judged('SOURCE_READ_FAILED', { attemptsLeft: 1 }).kind).toBe('fail-query');
  });

  it('is the end of the query when no node has more memory than was not enough', () => {
    expect(judged('OUT_OF_MEMORY', { needBytes: NODE, peakBytes: NODE }).kind).toBe('fail-query');
  });

  it('uses up no attempt when input is lost or the worker leaves (R19)', () => {
    const details = producerDetails(LOST);
    const error = { code: 'OUTPUT_PAGE_LOST', message: 'it is gone', details } as const;
    expect(judged('OUTPUT_PAGE_LOST', { error, attemptsLeft: 1 })).toEqual({
      kind: 'restore-input',
      lost: LOST,
    });
    // Nobody says whose it was: there is nothing to make again.
    expect(judged('OUTPUT_PAGE_LOST')).toMatchObject({ kind: 'retry-task', attemptsLeft: 4 });
    expect(judged('SHUTTING_DOWN', { attemptsLeft: 1 })).toMatchObject({
      kind: 'retry-task',
      attemptsLeft: 1,
    });
  });
});
