import { describe, expect, it } from 'vitest';
import { ERROR_POLICIES } from '../../../../../services/common/error.ts';
import type { ErrorCode, ErrorReport } from '../../../../../services/common/error.ts';
import { producerDetails } from '../../../../../services/common/task/fetch-failure.ts';
import type { LostOutput } from '../../../../../services/common/task/fetch-failure.ts';
import {
  blamesNode,
  classOf,
  countsAsAttempt,
  delaysScheduling,
  FAILURE_CLASSES,
  needsMoreMemory,
  rewriteTransportFailure,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/failure-class.ts';
import { QUERY_ID } from '../../../../support/scheduler-driver.ts';
import type { FailureClass } from '../../../../../services/coordinator/scheduler/fault-tolerant/failure-class.ts';

/** The failure names a producer, which matters only where something could not be read. */
function named(code: ErrorCode): ErrorReport {
  const taskId = { queryId: QUERY_ID, stageId: 1, partitionId: 2, attempt: 3 };
  const run = { nodeId: 'worker-1', nodeInstanceId: 'worker-1-run-1' };
  return { code, message: '', details: producerDetails({ taskId, ...run } as LostOutput) };
}

const CODES = Object.keys(ERROR_POLICIES) as readonly ErrorCode[];

describe('the classes of failures (F17)', () => {
  it('never retry what the user is to blame for', () => {
    const retried = CODES.filter((code) => FAILURE_CLASSES[code] !== 'fatal');
    expect(retried.filter((code) => ERROR_POLICIES[code].type === 'user')).toEqual([]);
  });

  it('retry whatever the error table lets the engine try again', () => {
    const fatal = CODES.filter((code) => FAILURE_CLASSES[code] === 'fatal');
    const scopes = new Set(fatal.map((code) => ERROR_POLICIES[code].retry));
    expect([...scopes].toSorted()).toEqual(['caller', 'never']);
  });

  it('restore lost input where the error table names the producers (R19)', () => {
    const input = CODES.filter((code) => ERROR_POLICIES[code].retry === 'producer-stage');
    for (const code of input) expect(FAILURE_CLASSES[code], code).toBe('input');
  });

  const TABLE: Readonly<
    Record<
      FailureClass,
      { counts: boolean; memory: boolean; delays: boolean; blames: boolean; example: ErrorCode }
    >
  > = {
    fatal: {
      counts: true,
      memory: false,
      delays: false,
      blames: false,
      example: 'CONVERSION_ERROR',
    },
    task: {
      counts: true,
      memory: false,
      delays: true,
      blames: true,
      example: 'SOURCE_READ_FAILED',
    },
    memory: { counts: true, memory: true, delays: false, blames: true, example: 'OUT_OF_MEMORY' },
    worker: { counts: true, memory: true, delays: true, blames: false, example: 'NODE_LOST' },
    moved: { counts: false, memory: false, delays: false, blames: false, example: 'SHUTTING_DOWN' },
    input: {
      counts: false,
      memory: false,
      delays: false,
      blames: false,
      example: 'EXCHANGE_FAILED',
    },
  };

  it.each(Object.entries(TABLE))('of %s say what follows (F10, F19, F30, S17)', (name, row) => {
    expect(FAILURE_CLASSES[row.example]).toBe(name);
    expect(countsAsAttempt(FAILURE_CLASSES[row.example])).toBe(row.counts);
    expect(needsMoreMemory(row.example)).toBe(row.memory);
    expect(delaysScheduling(named(row.example))).toBe(row.delays);
    expect(blamesNode(FAILURE_CLASSES[row.example])).toBe(row.blames);
  });
});

describe('a failure as it was reported', () => {
  it.each(['TASK_NOT_FOUND', 'TASK_MISMATCH', 'EXCHANGE_FAILED', 'OUTPUT_PAGE_LOST'] as const)(
    'is lost input when %s names whose it was (R19)',
    (code) => {
      expect(classOf(named(code))).toBe('input');
    },
  );

  it.each([
    ['TASK_NOT_FOUND', 'worker'],
    ['EXCHANGE_FAILED', 'task'],
    ['OUT_OF_MEMORY', 'memory'],
  ] as const)('is of its own task when %s names nobody', (code, expected) => {
    expect(classOf({ code, message: '' })).toBe(expected);
  });

  it('is what its code says where nothing was to be read', () => {
    expect(classOf(named('OUT_OF_MEMORY'))).toBe('memory');
  });
});

describe('a transport failure (F20)', () => {
  const failure = {
    code: 'EXCHANGE_FAILED',
    message: 'connection refused',
    details: { node_id: 'worker-1', task_id: 't' },
  } as const;
  const isGone = (nodeId: string): boolean => nodeId === 'worker-1';

  it('of a worker that is gone means that', () => {
    expect(rewriteTransportFailure(failure, isGone)).toEqual({
      code: 'NODE_LOST',
      message: 'worker worker-1 is gone: connection refused',
      details: { node_id: 'worker-1', task_id: 't', cause: 'EXCHANGE_FAILED' },
    });
  });

  it('of any other worker, and any other failure, stay what they are', () => {
    for (const error of [
      { ...failure, details: { node_id: 'worker-2' } },
      { code: 'EXCHANGE_FAILED', message: 'nobody named' } as const,
      { ...failure, code: 'CONVERSION_ERROR' } as const,
    ])
      expect(rewriteTransportFailure(error, isGone)).toBe(error);
  });
});
