import { describe, expect, it } from 'vitest';
import {
  isEagerFragment,
  readinessOf,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/stage-readiness.ts';
import type {
  ProducerReadiness,
  StageReadiness,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/stage-readiness.ts';
import { aFragment, bySource } from '../../../../support/plan-builders.ts';

const EARLY: ProducerReadiness = {
  isFinished: false,
  isReadableEarly: true,
  givesRowsEarly: true,
  isStreamed: true,
  hasSizeEstimate: true,
  finishedPartitions: 1,
};

function readiness(
  producers: readonly Partial<ProducerReadiness>[],
  changes: Partial<StageReadiness> = {},
) {
  return readinessOf({
    isEager: false,
    hasWaitingStandardTasks: false,
    producers: producers.map((producer) => ({ ...EARLY, ...producer })),
    ...changes,
  });
}

describe('the readiness of a stage (F3, §2.5)', () => {
  it('is sure when all producers have finished, or there are none', () => {
    expect(readiness([])).toBe('standard');
    expect(readiness([{ isFinished: true, isReadableEarly: false }])).toBe('standard');
  });

  it('is a speculation when every unfinished producer is worth reading early', () => {
    expect(readiness([{}, { isFinished: true, hasSizeEstimate: false }])).toBe('speculative');
  });

  it.each([
    { isReadableEarly: false },
    { givesRowsEarly: false },
    { isStreamed: false },
    { hasSizeEstimate: false },
    { finishedPartitions: 0 },
  ])('is none with a producer of %j', (producer) => {
    expect(readiness([{}, producer])).toBeUndefined();
  });

  it('is none while standard tasks wait', () => {
    expect(readiness([{}], { hasWaitingStandardTasks: true })).toBeUndefined();
  });

  it('is eager without estimates, beside standard tasks, but only over early rows', () => {
    const eager = { isEager: true, hasWaitingStandardTasks: true };
    expect(readiness([{ hasSizeEstimate: false, finishedPartitions: 0 }], eager)).toBe(
      'eager-speculative',
    );
    expect(readiness([{ givesRowsEarly: false }], eager)).toBeUndefined();
  });
});

describe('an eager fragment', () => {
  it.each([
    { rowLimit: 999_999, kind: 'single', expected: true },
    { rowLimit: 1_000_000, kind: 'single', expected: false },
    { rowLimit: 10, kind: 'source', expected: false },
  ] as const)('with  and LIMIT : ', ({ rowLimit, kind, expected }) => {
    const partitioning = kind === 'source' ? bySource(1) : { kind };
    expect(isEagerFragment(aFragment(1, { rowLimit, partitioning }))).toBe(expected);
  });

  it('has a limit', () => {
    expect(isEagerFragment(aFragment(1, { partitioning: { kind: 'single' } }))).toBe(false);
  });
});
