import { describe, expect, it } from 'vitest';
import { ERROR_POLICIES } from '../../../../../services/common/error.ts';
import type { ErrorCode } from '../../../../../services/common/error.ts';
import { retryQueryPolicy } from '../../../../../services/coordinator/scheduler/recovery/retry-query.ts';

const decisionOf = (code: ErrorCode) => retryQueryPolicy.onTaskFailed({ code, message: '' }).kind;

describe('retrying the query (T6)', () => {
  it('never tries again what the user has done wrong', () => {
    const codes = Object.keys(ERROR_POLICIES) as ErrorCode[];
    const users = codes.filter((code) => ERROR_POLICIES[code].type === 'user');
    expect(users.map(decisionOf).filter((kind) => kind !== 'fail-query')).toEqual([]);
  });

  it('tries again what a worker, its connection or a source is to blame for', () => {
    const codes: ErrorCode[] = [
      'INTERNAL_ERROR',
      'SOURCE_READ_FAILED',
      'TASK_ABANDONED',
      'NODE_LOST',
    ];
    for (const code of codes) expect(decisionOf(code)).toBe('retry-query');
    const error = { code: 'NODE_LOST', message: '' } as const;
    expect(retryQueryPolicy.onNodeLost(error)).toEqual({ kind: 'retry-query', error });
  });

  it('waits for the cause of a symptom (T5)', () => {
    const symptoms: ErrorCode[] = ['EXCHANGE_FAILED', 'REMOTE_TASK_FAILED', 'OUTPUT_PAGE_LOST'];
    for (const code of symptoms) expect(decisionOf(code)).toBe('await-cause');
  });

  it('fails with what another attempt would meet again', () => {
    const codes: ErrorCode[] = ['OUT_OF_MEMORY', 'SOURCE_NOT_FOUND', 'SOURCE_CORRUPT'];
    for (const code of codes) expect(decisionOf(code)).toBe('fail-query');
  });
});
