import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_OUTPUT_ESTIMATION } from '../../../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import {
  estimateStageOutput,
  mergeEstimates,
  totalBytes,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/output-size.ts';
import type { StageProgress } from '../../../../../services/coordinator/scheduler/fault-tolerant/output-size.ts';

const GIB = 1024 ** 3;
const OPTIONS = { ...DEFAULT_OUTPUT_ESTIMATION, scanPartitionBytes: 100, smallInputBytes: 1000 };

const progress = (changes: Partial<StageProgress> = {}): StageProgress => ({
  outputPartitionCount: 2,
  partitionCount: 10,
  finishedCount: 0,
  noMorePartitions: true,
  finishedOutput: { partitionBytes: [0, 0] },
  remoteInputBytes: [undefined],
  hasScans: false,
  isConsumerEager: false,
  ...changes,
});

const estimated = (changes: Partial<StageProgress> = {}) =>
  estimateStageOutput(progress(changes), OPTIONS);

describe('output size estimates (F22)', () => {
  it('are added up partition by partition', () => {
    const merged = mergeEstimates([{ partitionBytes: [1, 2] }, { partitionBytes: [10, 20] }]);
    expect(merged).toEqual({ partitionBytes: [11, 22] });
    expect(totalBytes(merged)).toBe(33);
  });

  it('are merged only with those of the same partitions', () => {
    expect(() => mergeEstimates([{ partitionBytes: [1] }, { partitionBytes: [1, 2] }])).toThrow();
    expect(() => mergeEstimates([])).toThrow();
  });

  it('merge in any order and grouping alike', () => {
    const estimate = fc
      .array(fc.nat(1000), { minLength: 3, maxLength: 3 })
      .map((partitionBytes) => ({ partitionBytes }));
    fc.assert(
      fc.property(estimate, estimate, estimate, (a, b, c) => {
        expect(mergeEstimates([mergeEstimates([a, b]), c])).toEqual(
          mergeEstimates([c, mergeEstimates([b, a])]),
        );
      }),
    );
  });
});

describe('the output of a stage (§2.5)', () => {
  it('is known when the stage has finished', () => {
    const finishedOutput = { partitionBytes: [5, 7] };
    expect(estimated({ finishedCount: 10, finishedOutput })).toEqual({
      estimate: finishedOutput,
      origin: 'finished',
    });
  });

  it('is taken from a fifth of its tasks on', () => {
    const finishedOutput = { partitionBytes: [10, 4] };
    expect(estimated({ finishedCount: 2, finishedOutput })).toEqual({
      estimate: { partitionBytes: [50, 20] },
      origin: 'progress',
    });
    expect(estimated({ finishedCount: 1, finishedOutput })).toBeUndefined();
    expect(
      estimated({ finishedCount: 2, finishedOutput, noMorePartitions: false }),
    ).toBeUndefined();
  });

  it('is little and even when little is read', () => {
    expect(estimated({ remoteInputBytes: [60, 40] })).toEqual({
      estimate: { partitionBytes: [60, 60] },
      origin: 'small-input',
    });
    expect(estimated({ remoteInputBytes: [1001] })).toBeUndefined();
    expect(estimated({ remoteInputBytes: [10, undefined] })).toBeUndefined();
  });

  it('counts files by the partitions that read them', () => {
    const scanning = { hasScans: true, remoteInputBytes: [] };
    expect(estimated({ ...scanning, partitionCount: 5 })?.estimate.partitionBytes).toEqual([
      300, 300,
    ]);
    expect(estimated({ ...scanning, partitionCount: 11 })).toBeUndefined();
    expect(estimated({ ...scanning, partitionCount: 5, noMorePartitions: false })).toBeUndefined();
  });

  it('is nothing for a consumer that begins whatever it is', () => {
    expect(estimated({ isConsumerEager: true })).toEqual({
      estimate: { partitionBytes: [0, 0] },
      origin: 'eager-consumer',
    });
  });

  it('calls 20 GiB small by default', () => {
    const of = (bytes: number) =>
      estimateStageOutput(progress({ remoteInputBytes: [bytes] }), DEFAULT_OUTPUT_ESTIMATION);
    expect(of(20 * GIB)?.origin).toBe('small-input');
    expect(of(20 * GIB + 1)).toBeUndefined();
  });
});
