import { describe, expect, it } from 'vitest';
import { dealRows } from '../../../../services/worker/task/row-dealing.ts';
import { aFragment } from '../../../support/plan-builders.ts';

describe('dealRows', () => {
  it('makes no pages of rows that nobody gets', () => {
    const fragment = aFragment(0, {
      outputs: [{ consumer: { kind: 'client' }, scheme: { kind: 'discard' } }],
    });
    expect(dealRows(fragment, [])).toEqual({ deals: [], outputsOfDeal: [] });
  });
});
