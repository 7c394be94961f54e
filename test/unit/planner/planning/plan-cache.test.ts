import { describe, expect, it } from 'vitest';
import { PlanCache } from '../../../../services/planner/planning/plan-cache.ts';
import type { QueryPlan } from '../../../../services/common/plan/plan-fragment.ts';

const PLAN: QueryPlan = { fragments: [], scans: [], rung: 'small', rungReason: '' };

describe('a cache of plans', () => {
  it('gives what was kept for a key, and the newest of it', () => {
    const cache = new PlanCache();
    const newer = { plan: { ...PLAN }, tables: [] };
    cache.set('a', { plan: PLAN, tables: [] });
    cache.set('a', newer);
    expect(cache.get('a')?.plan).toBe(newer.plan);
    expect(cache.get('b')).toBeUndefined();
    cache.delete('a');
    expect(cache.get('a')).toBeUndefined();
  });

  it('keeps 500 plans: the least recently used go first', () => {
    const cache = new PlanCache();
    for (let i = 0; i < 500; i++) cache.set(`${i}`, { plan: PLAN, tables: [] });
    cache.get('0');
    cache.set('500', { plan: PLAN, tables: [] });
    expect(cache.get('0')).toBeDefined();
    expect(cache.get('1')).toBeUndefined();
    expect(cache.get('500')).toBeDefined();
  });

  it('keeps 8 Mi characters, and none that alone would be an eighth of it', () => {
    const cache = new PlanCache();
    const key = (i: number): string => `${i}`.padEnd(1 << 20);
    for (let i = 0; i < 9; i++) cache.set(key(i), { plan: PLAN, tables: [] });
    expect([0, 1, 8].map((i) => cache.get(key(i)) !== undefined)).toEqual([false, true, true]);
    const tooLong = ''.padEnd((1 << 20) + 1);
    cache.set(tooLong, { plan: PLAN, tables: [] });
    expect(cache.get(tooLong)).toBeUndefined();
    expect(cache.get(key(1))).toBeDefined();
  });
});
