import fc from 'fast-check';
import type { SourceId } from '../../services/common/ids.ts';
import type { InputTree } from '../../services/common/plan/plan-fragment.ts';

const sourceId = fc.nat(2 ** 32 - 1).map((id) => id as SourceId);

export const inputTreeArbitrary: fc.Arbitrary<InputTree> = fc.letrec<{ tree: InputTree }>(
  (tie) => ({
    tree: fc.oneof(
      { maxDepth: 3 },
      fc.record({ kind: fc.constant('source' as const), sourceId: sourceId }),
      fc.record({ kind: fc.constant('join' as const), probe: tie('tree'), build: tie('tree') }),
      fc.record({ kind: fc.constant('aggregate' as const), input: tie('tree') }),
      fc.record({
        kind: fc.constant('together' as const),
        inputs: fc.array(tie('tree'), { maxLength: 3 }),
      }),
    ),
  }),
).tree;
