import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SourceId } from '../../../../../services/common/ids.ts';
import type { Partitioning } from '../../../../../services/common/plan/plan-fragment.ts';
import { DEFAULT_TASK_SIZING } from '../../../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import {
  assignSplits,
  createSplitAssigner,
  openSplitAssigner,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/split-assigner.ts';
import type { SplitAssigner } from '../../../../../services/coordinator/scheduler/fault-tolerant/split-assigner.ts';
import type { AssignableSplit } from '../../../../../services/coordinator/scheduler/fault-tolerant/split-assignment.ts';
import { PartitionBook } from '../../../../support/partition-book.ts';
import {
  aFixedSource,
  aFragment,
  aRemote,
  aScan,
  bySource,
} from '../../../../support/plan-builders.ts';
import { aBatch, onNodes, storedInput } from '../../../../support/split-batches.ts';

const SIZING = {
  ...DEFAULT_TASK_SIZING,
  minTargetBytes: 100,
  maxTargetBytes: 1000,
  growthPeriod: 2,
  hashTargetBytes: 100,
  maxTaskSplits: 3,
};
const PARTITIONS = 4;
const LEFT = 1;
const RIGHT = 2;
const BUILD = 3;
const KINDS: readonly Partitioning['kind'][] = ['single', 'source', 'arbitrary', 'hash'];

function anAssigner(kind: Partitioning['kind'], sizes: readonly number[] = []): SplitAssigner {
  const partitioning: Partitioning =
    kind === 'source' ? bySource(LEFT) : { kind: kind as 'single' | 'arbitrary' | 'hash' };
  const delivery = { single: 'gather', source: 'broadcast', arbitrary: 'arbitrary' } as const;
  const fragment = aFragment(5, {
    partitioning,
    scans: kind === 'source' ? [aScan(LEFT), aScan(RIGHT)] : [],
    remoteSources: [
      ...(kind === 'source'
        ? []
        : [LEFT, RIGHT].map((id) =>
            aRemote(
              id,
              [id],
              kind === 'hash' ? 'partitioned' : (delivery[kind as 'single'] ?? 'gather'),
            ),
          )),
      aRemote(BUILD, [4], kind === 'single' ? 'gather' : 'broadcast'),
    ],
  });
  const estimates = [LEFT, RIGHT].map((sourceId) => ({
    sourceId: sourceId as SourceId,
    estimate: { partitionBytes: sizes },
  }));
  return createSplitAssigner({
    fragment,
    sizing: SIZING,
    partitionCount: PARTITIONS,
    estimates: sizes.length === 0 ? [] : estimates,
    nodeCount: 1,
  });
}

/** Splits told apart by the partition of the producer that they name. */
const split = fc.record({
  sourceId: fc.constantFrom(LEFT, RIGHT, BUILD),
  bytes: fc.nat(150),
  sourcePartition: fc.nat(PARTITIONS - 1),
  nodes: fc.subarray(['a', 'b', 'c']),
});

describe('split assigners (F25)', () => {
  it.each(KINDS)('of %s fragments deal every split as the sources say', (kind) => {
    fc.assert(
      fc.property(
        fc.array(split, { maxLength: 40 }),
        fc.array(fc.nat(200), { minLength: PARTITIONS, maxLength: PARTITIONS }),
        fc.shuffledSubarray([LEFT, RIGHT, BUILD], { minLength: 3, maxLength: 3 }),
        (drawn, sizes, endOrder) => {
          const assigner = anAssigner(kind, sizes);
          const book = new PartitionBook([LEFT, RIGHT, BUILD]).apply(openSplitAssigner(assigner));
          const splits = drawn.map(({ sourceId, nodes, ...rest }, index) => ({
            sourceId,
            split: {
              ...rest,
              ...(nodes.length === 0 ? {} : onNodes(...nodes)),
              input: storedInput(9, index),
            } satisfies AssignableSplit,
          }));
          for (const { sourceId, split: each } of splits)
            book.apply(assignSplits(assigner, aBatch(sourceId, [each])));
          for (const sourceId of endOrder)
            book.apply(assignSplits(assigner, aBatch(sourceId, [], true)));
          checkEnd(book, splits, kind);
          expect(JSON.parse(JSON.stringify(assigner))).toEqual(assigner);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('deal a scan that lies in partitions by them', () => {
    const fragment = aFragment(1, aFixedSource(2, [LEFT]));
    const assigner = createSplitAssigner({
      fragment,
      sizing: SIZING,
      partitionCount: 0,
      estimates: [],
      nodeCount: 3,
    });
    const book = new PartitionBook([LEFT]).apply(openSplitAssigner(assigner));
    const of = (sourcePartition: number, bytes: number): AssignableSplit => ({
      input: storedInput(9, 0),
      bytes,
      sourcePartition,
    });
    book.apply(assignSplits(assigner, aBatch(LEFT, [of(1, 10), of(0, 20), of(1, 30)], true)));
    expect(book.bytesOf(LEFT)).toEqual([[20], [10, 30]]);
    expect(book.sealed).toEqual([0, 1]);
  });
});

interface Dealt {
  readonly sourceId: number;
  readonly split: AssignableSplit;
}

function checkEnd(book: PartitionBook, splits: readonly Dealt[], kind: Partitioning['kind']): void {
  expect(book.partitions.length).toBeGreaterThan(0);
  expect(book.isComplete).toBe(true);
  expect(book.sealed).toHaveLength(book.partitions.length);
  for (const sourceId of [LEFT, RIGHT, BUILD]) {
    const expected = splits.filter((each) => each.sourceId === sourceId).map((each) => each.split);
    const lists = book.partitions.map((partition) => partition.splits.get(sourceId) ?? []);
    if (sourceId === BUILD && kind !== 'single') {
      for (const list of lists) expect(list, 'replicated in all').toEqual(expected);
    } else expect(bySize(lists.flat()), 'each in exactly one').toEqual(bySize(expected));
  }
  if (kind === 'hash') checkKeysMeet(book);
}

function bySize(splits: readonly AssignableSplit[]): readonly AssignableSplit[] {
  const numberOf = ({ input }: AssignableSplit): number =>
    input.kind === 'stored' ? input.partitionId : -1;
  return [...splits].sort((a, b) => numberOf(a) - numberOf(b));
}

/** All splits of a source partition are in one task, for both sources the same. */
function checkKeysMeet(book: PartitionBook): void {
  const taskOf = new Map<number, number>();
  book.partitions.forEach((partition, task) => {
    for (const sourceId of [LEFT, RIGHT]) {
      for (const { sourcePartition = 0 } of partition.splits.get(sourceId) ?? []) {
        expect(taskOf.get(sourcePartition) ?? task).toBe(task);
        taskOf.set(sourcePartition, task);
      }
    }
  });
}
