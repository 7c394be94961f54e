import { describe, expect, it } from 'vitest';
import type { NodeId } from '../../../../../services/common/ids.ts';
import {
  NO_PREFERENCE,
  preferByFile,
} from '../../../../../services/coordinator/scheduler/placement/split-affinity.ts';
import { someSplits } from '../../../../support/plan-builders.ts';

const NODES = ['a', 'b', 'c', 'd'].map((name) => ({ nodeId: name as NodeId, lanes: 2 }));

describe('the affinity of splits to nodes (T27)', () => {
  it('is the same for all splits of a file, in this query and the next', () => {
    const [prefers, next] = [preferByFile(NODES), preferByFile(NODES)];
    const [first, second] = someSplits(1, 2);
    const [other] = someSplits(4, 1);
    if (first === undefined || second === undefined || other === undefined) throw new Error('none');
    expect(prefers(first)).toHaveLength(2);
    expect(prefers(second)).toEqual(prefers(first));
    expect(next(first)).toEqual(prefers(first));
    expect(prefers(other)).not.toEqual(prefers(first));
  });

  it('spreads files over all nodes', () => {
    const prefers = preferByFile(NODES);
    const first = Array.from({ length: 50 }, (_, file) => someSplits(file, 1).map(prefers));
    expect(new Set(first.flat().map(([node]) => node)).size).toBe(NODES.length);
  });

  it('can be none', () => {
    expect(someSplits(1, 1).map(NO_PREFERENCE)).toEqual([[]]);
  });
});
