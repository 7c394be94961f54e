import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PartitionId, StageId } from '../../../../../services/common/ids.ts';
import {
  mayCommit,
  releaseCommit,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/output-commit.ts';
import type {
  CommittingAttempt,
  OutputCommits,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/output-commit.ts';

const attempt = (number: number, partition = 0): CommittingAttempt => ({
  stageId: 1 as StageId,
  partitionId: partition as PartitionId,
  attempt: number,
});

describe('the commit of outputs (R14)', () => {
  it('is for the first attempt that asks, of each partition', () => {
    const commits: OutputCommits = [];
    expect(mayCommit(commits, attempt(1))).toBe(true);
    expect(mayCommit(commits, attempt(0))).toBe(false);
    expect(mayCommit(commits, attempt(1))).toBe(true);
    expect(mayCommit(commits, attempt(0, 7))).toBe(true);
  });

  it('is for another attempt when its owner has failed, and for the failed one never again', () => {
    const commits: OutputCommits = [];
    mayCommit(commits, attempt(0));
    releaseCommit(commits, attempt(0));
    expect(mayCommit(commits, attempt(0))).toBe(false);
    expect(mayCommit(commits, attempt(1))).toBe(true);
    releaseCommit(commits, attempt(0));
    expect(mayCommit(commits, attempt(2))).toBe(false);
  });

  it('has one owner at a time, whoever asks and fails in whatever order', () => {
    const step = fc.record({ number: fc.nat(3), fails: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const commits: OutputCommits = [];
        let owner: number | undefined;
        const failed = new Set<number>();
        for (const { number, fails } of steps) {
          if (fails) {
            releaseCommit(commits, attempt(number));
            failed.add(number);
            if (owner === number) owner = undefined;
          } else {
            const may = mayCommit(commits, attempt(number));
            if (may) owner ??= number;
            expect(may).toBe(owner === number && !failed.has(number));
          }
        }
      }),
    );
  });
});
