import { describe, expect, it } from 'vitest';
import { canMoveQuery } from '../../../../services/coordinator/scheduler/query-state.ts';
import type { QueryState } from '../../../../services/coordinator/scheduler/query-state.ts';

type Kind = QueryState['kind'];
const YES = true;
const no = false;

// prettier-ignore
const MOVES: Record<Kind, Record<Kind, boolean>> = {
  starting: { starting: no, running: YES, finishing: YES, finished: YES, failed: YES },
  running: { starting: no, running: no, finishing: YES, finished: YES, failed: YES },
  finishing: { starting: no, running: no, finishing: no, finished: YES, failed: YES },
  finished: { starting: no, running: no, finishing: no, finished: no, failed: no },
  failed: { starting: no, running: no, finishing: no, finished: no, failed: no },
};

describe('query state', () => {
  for (const [from, targets] of Object.entries(MOVES)) {
    it(`moves from ${from} as the table says`, () => {
      for (const [to, isLegal] of Object.entries(targets)) {
        expect(canMoveQuery(from as Kind, to as Kind), to).toBe(isLegal);
      }
    });
  }
});
