import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PartitionId, StageId } from '../../../../../services/common/ids.ts';
import type { ExecutionClass } from '../../../../../services/coordinator/scheduler/fault-tolerant/execution-class.ts';
import { DEFAULT_QUEUE_BOUNDS } from '../../../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import {
  createSchedulingQueue,
  dequeue,
  enqueue,
  mayLoadSplits,
  queuedCount,
  takeNext,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/scheduling-queue.ts';
import type {
  QueuedPartition,
  SchedulingQueue,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/scheduling-queue.ts';

const NOBODY = { standard: 0, speculative: 0, 'eager-speculative': 0 };

function aPartition(
  stage: number,
  partition: number,
  executionClass: ExecutionClass = 'standard',
): QueuedPartition {
  return {
    stageId: stage as StageId,
    partitionId: partition as PartitionId,
    executionClass,
    priority: stage,
  };
}

function queueOf(...partitions: readonly QueuedPartition[]): SchedulingQueue {
  const queue = createSchedulingQueue();
  for (const partition of partitions) enqueue(queue, partition);
  return queue;
}

function drain(queue: SchedulingQueue, waiting = NOBODY): readonly string[] {
  const taken: string[] = [];
  for (;;) {
    const next = takeNext(queue, waiting, DEFAULT_QUEUE_BOUNDS);
    if (next === undefined) return taken;
    taken.push(`${next.stageId}.${next.partitionId}`);
  }
}

describe('the scheduling queue (F6)', () => {
  it('takes eager partitions, then standard ones, older stages first, then speculative ones', () => {
    const queue = queueOf(
      aPartition(3, 0, 'speculative'),
      aPartition(2, 0),
      aPartition(1, 1),
      aPartition(4, 0, 'eager-speculative'),
      aPartition(1, 0),
    );
    expect(drain(queue)).toEqual(['4.0', '1.1', '1.0', '2.0', '3.0']);
  });

  it('takes no speculative partition while a standard one waits for its node', () => {
    const queue = queueOf(aPartition(3, 0, 'speculative'));
    expect(drain(queue, { ...NOBODY, standard: 1 })).toEqual([]);
    expect(drain(queue)).toEqual(['3.0']);
  });

  it('lets so many of each class wait for a node (F7)', () => {
    const full = DEFAULT_QUEUE_BOUNDS.maxWaitingForNode;
    const queue = queueOf(aPartition(1, 0), aPartition(4, 0, 'eager-speculative'));
    expect(drain(queue, { ...NOBODY, standard: full })).toEqual(['4.0']);
    expect(drain(queue, { ...NOBODY, standard: full })).toEqual([]);
    expect(drain(queue, { ...NOBODY, standard: full - 1, 'eager-speculative': full })).toEqual([
      '1.0',
    ]);
  });

  it('gives a partition that is queued again its new class', () => {
    const queue = queueOf(aPartition(2, 0, 'speculative'), aPartition(1, 0, 'speculative'));
    enqueue(queue, aPartition(2, 0, 'standard'));
    expect(queuedCount(queue, 'speculative')).toBe(1);
    expect(drain(queue)).toEqual(['2.0', '1.0']);
    const standard = queueOf(aPartition(1, 0));
    expect(() => enqueue(standard, aPartition(1, 0, 'speculative'))).toThrow('only becomes');
  });

  it('forgets a partition that is taken out', () => {
    const queue = queueOf(aPartition(1, 0), aPartition(1, 1));
    expect(dequeue(queue, aPartition(1, 0))).toBe(true);
    expect(dequeue(queue, aPartition(1, 0))).toBe(false);
    expect(drain(queue)).toEqual(['1.1']);
  });

  it('keeps each partition once, in order, and survives JSON', () => {
    const partition = fc.record({
      stage: fc.nat(3),
      partition: fc.nat(4),
      executionClass: fc.constantFrom<ExecutionClass>('standard', 'speculative'),
    });
    fc.assert(
      fc.property(fc.array(partition, { maxLength: 30 }), (drawn) => {
        const queue = createSchedulingQueue();
        const expected = new Map<string, { sealed: boolean; arrival: number }>();
        drawn.forEach(({ stage, partition, executionClass }, arrival) => {
          const key = `${stage}.${partition}`;
          const known = expected.get(key);
          const sealed = known?.sealed === true || executionClass === 'standard';
          enqueue(queue, aPartition(stage, partition, sealed ? 'standard' : 'speculative'));
          expected.set(key, { sealed, arrival: known?.arrival ?? arrival });
        });
        expect(JSON.parse(JSON.stringify(queue))).toEqual(queue);
        const order = [...expected].sort(([a, x], [b, y]) => {
          if (x.sealed !== y.sealed) return x.sealed ? -1 : 1;
          const [stageOfA, stageOfB] = [Number(a.split('.')[0]), Number(b.split('.')[0])];
          return stageOfA - stageOfB || x.arrival - y.arrival;
        });
        expect(drain(queue)).toEqual(order.map(([key]) => key));
      }),
    );
  });
});

describe('the gate of split enumeration (§2.5)', () => {
  const closed = queueOf(...Array.from({ length: 10 }, (_, index) => aPartition(1, index)));
  const stage = { hasUnsealedRunningTask: false, isEager: false };

  it.each([
    { queue: queueOf(aPartition(1, 0)), changes: {}, expected: true },
    { queue: closed, changes: {}, expected: false },
    { queue: closed, changes: { hasUnsealedRunningTask: true }, expected: true },
    { queue: closed, changes: { isEager: true }, expected: true },
  ])('is open: $expected with $changes', ({ queue, changes, expected }) => {
    expect(mayLoadSplits(queue, { ...stage, ...changes }, DEFAULT_QUEUE_BOUNDS)).toBe(expected);
  });
});
