import { describe, expect, it } from 'vitest';
import { canChangeClass } from '../../../../../services/coordinator/scheduler/fault-tolerant/execution-class.ts';

describe('execution classes (F6)', () => {
  it.each([
    ['standard', ['standard']],
    ['speculative', ['standard', 'speculative']],
    ['eager-speculative', ['standard', 'eager-speculative']],
  ] as const)('let %s become only %s', (from, allowed) => {
    const classes = ['standard', 'speculative', 'eager-speculative'] as const;
    expect(classes.filter((to) => canChangeClass(from, to))).toEqual(allowed);
  });
});
