import { describe, expect, it } from 'vitest';
import {
  admitResult,
  createResultSize,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/result-size.ts';

describe('the size of inline results (R9)', () => {
  it('is bounded by the sum, and a result beyond it is not counted', () => {
    const size = createResultSize(100);
    expect([60, 41, 40, 1].map((bytes) => admitResult(size, bytes))).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(size.bytes).toBe(100);
  });

  it('is unbounded with 0', () => {
    expect(admitResult(createResultSize(0), Number.MAX_SAFE_INTEGER)).toBe(true);
  });
});
