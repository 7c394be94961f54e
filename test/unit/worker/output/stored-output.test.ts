import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../../../services/common/error.ts';
import type { PageReply, PageRequest } from '../../../../services/common/exchange/page-source.ts';
import type { OutputBufferId } from '../../../../services/common/ids.ts';
import type { OutputBufferKind } from '../../../../services/common/task/output-buffers.ts';
import type { StoredOutput } from '../../../../services/worker/output/stored-output.ts';
import { deferred } from '../../../support/deferred.ts';
import { aStoredOutput } from '../../../support/output-buffers.ts';
import { aMarkedPage, markOf } from '../../../support/pages.ts';
import { settle } from '../../../support/virtual-clock.ts';

const MIB = 1 << 20;
const never = new AbortController().signal;
const KINDS: readonly OutputBufferKind[] = ['partitioned', 'broadcast', 'arbitrary'];
const buffer = (id: number): OutputBufferId => id as OutputBufferId;

function read(
  output: StoredOutput,
  id: number,
  { token = 0, maxBytes = 1_000 * MIB }: Partial<PageRequest> = {},
): Promise<PageReply> {
  return output.read(buffer(id), { token, maxBytes, acknowledgedToken: token }, never);
}

/** All pages of a buffer, in as many requests as it takes. */
async function readAll(output: StoredOutput, id: number, maxBytes = 20): Promise<number[]> {
  const marks: number[] = [];
  for (;;) {
    const reply = await read(output, id, { token: marks.length, maxBytes });
    expect(reply.token).toBe(marks.length);
    marks.push(...reply.pages.map(markOf));
    if (reply.complete) return marks;
  }
}

describe('a stored output', () => {
  it.each(KINDS)(
    'of kind %s is finished when its pages are written, whoever reads',
    async (kind) => {
      const gate = deferred();
      const { output, memory, disk } = aStoredOutput(kind, { pause: () => gate.promise });
      output.addPage(aMarkedPage(1), 0);
      output.noMorePages();
      await settle();
      expect(output.state).toBe('flushing');
      expect(memory.usedBytes).toBe(8);
      gate.resolve();
      await settle();
      expect(output.state).toBe('finished');
      expect(memory.usedBytes).toBe(0);
      expect(output.storedBytes).toBe(8);
      expect([...disk.files.values()]).toMatchObject([{ isSealed: true, pageCount: 1 }]);
    },
  );

  it('without a page is finished too, and has no file', async () => {
    const { output, disk } = aStoredOutput('partitioned');
    output.noMorePages();
    await settle();
    expect(output.state).toBe('finished');
    expect(await readAll(output, 2)).toEqual([]);
    expect(disk.files.size).toBe(0);
  });

  it.each([
    ['partitioned', [[1, 4], [2], [3]], [16, 8, 8]],
    [
      'broadcast',
      [
        [1, 2, 3, 4],
        [1, 2, 3, 4],
        [1, 2, 3, 4],
      ],
      [32, 32, 32],
    ],
    // In turn, and not all tasks begin with the same reader: this one is partition 1.
    ['arbitrary', [[3], [1, 4], [2]], [8, 16, 8]],
  ] as const)('%s deals %j', async (kind, buffers, storedBytes) => {
    const { output, disk } = aStoredOutput(kind);
    for (const [mark, partition] of [
      [1, 0],
      [2, 1],
      [3, 2],
      [4, 0],
    ] as const) {
      output.addPage(aMarkedPage(mark), partition);
    }
    output.noMorePages();
    await settle();
    for (const [id, marks] of buffers.entries()) expect(await readAll(output, id)).toEqual(marks);
    expect(output.status).toMatchObject({ state: 'finished', bufferedBytes: 0, storedBytes });
    expect([...disk.files.values()]).toMatchObject([{ pageCount: 4 }]);
  });

  it('can be read again from its first page, whatever was acknowledged and destroyed', async () => {
    const { output } = aStoredOutput('broadcast');
    for (const mark of [1, 2, 3]) output.addPage(aMarkedPage(mark), 0);
    output.noMorePages();
    await settle();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      expect(await readAll(output, 0)).toEqual([1, 2, 3]);
      output.acknowledge(buffer(0));
      output.destroyBuffer(buffer(0));
    }
    expect(await readAll(output, 1)).toEqual([1, 2, 3]);
    expect(output.state).toBe('finished');
  });

  it('makes the producer wait while too much is to be written, by counting', async () => {
    const gate = deferred();
    const { output, disk } = aStoredOutput('partitioned', { pause: () => gate.promise });
    let added = 0;
    for (; !output.isFull && added < 100; added += 1) output.addPage(aMarkedPage(added, MIB), 0);
    expect(added).toBe(9);
    gate.resolve();
    await settle();
    expect(output.isFull).toBe(false);
    // The first page went alone, the others in batches of 4 MiB.
    expect([...disk.files.values()]).toMatchObject([{ pageCount: 9, writeCount: 3 }]);
  });

  it('waits for memory only while it has something to write itself', async () => {
    const gate = deferred();
    const { output, memory } = aStoredOutput('partitioned', {
      pause: () => gate.promise,
      memoryBytes: 100,
    });
    memory.reserve(100);
    expect(output.isFull).toBe(false);
    output.addPage(aMarkedPage(1), 0);
    expect(output.isFull).toBe(true);
    gate.resolve();
    await settle();
    expect(output.isFull).toBe(false);
  });

  it('lets a reader who came first wait, and says nothing for a while if nothing comes', async () => {
    const { output, clock } = aStoredOutput('partitioned');
    const early = read(output, 1);
    const idle = read(output, 2);
    await settle();
    output.addPage(aMarkedPage(7), 1);
    expect((await early).pages.map(markOf)).toEqual([7]);
    await clock.advance(2_000);
    expect(await idle).toEqual({ token: 0, pages: [], complete: false, isOwned: true });
    expect(clock.pendingCount).toBe(0);
  });

  it('refuses readers and declarations that do not fit', async () => {
    const { output } = aStoredOutput('partitioned');
    await expect(read(output, 3)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    await expect(read(output, 0, { token: 5 })).rejects.toMatchObject({ code: 'TASK_MISMATCH' });
    const next = { kind: 'partitioned', version: 2, retention: 'retained' } as const;
    const ids = [buffer(0), buffer(1), buffer(2)];
    const wrong = [
      { ...next, bufferIds: ids, noMoreBufferIds: false },
      { ...next, bufferIds: [], noMoreBufferIds: true },
      { ...next, bufferIds: [...ids, buffer(3)], noMoreBufferIds: true },
      { ...next, bufferIds: ids, noMoreBufferIds: true, kind: 'broadcast' },
      { ...next, bufferIds: ids, noMoreBufferIds: true, retention: 'spooled' },
    ] as const;
    for (const update of wrong) expect(() => output.declare(update)).toThrow(EngineError);
    output.declare({ ...next, bufferIds: ids, noMoreBufferIds: true });
  });
});

describe('a stored output that ends early', () => {
  it.each(['destroy', 'abort', 'release'] as const)(
    'by %s in the middle of a write never looks finished, and leaves nothing',
    async (end) => {
      const gate = deferred();
      const { output, disk, memory, clock } = aStoredOutput('partitioned', {
        pause: () => gate.promise,
      });
      output.addPage(aMarkedPage(1), 0);
      await settle();
      output.addPage(aMarkedPage(2), 0);
      output[end]();
      output.addPage(aMarkedPage(3), 0);
      output.noMorePages();
      gate.resolve();
      await settle();
      expect(output.state).toBe('aborted');
      expect(output.isGone).toBe(true);
      expect(disk.files.size).toBe(0);
      expect([memory.usedBytes, output.storedBytes]).toEqual([0, 0]);
      if (end === 'release') return;
      const vain = read(output, 0);
      await clock.advance(2_000);
      expect(await vain).toMatchObject({ pages: [], complete: false });
    },
  );

  it('by a disk that takes no more fails with its reason, and leaves nothing', async () => {
    const failures: unknown[] = [];
    const { output, disk, memory, clock } = aStoredOutput('partitioned', {
      onChange: ({ failure }) => failures.push(failure),
    });
    const full = new EngineError('OUT_OF_DISK', 'full');
    output.addPage(aMarkedPage(1), 0);
    await settle();
    disk.writeError = full;
    output.addPage(aMarkedPage(2), 0);
    output.addPage(aMarkedPage(3), 0);
    await settle();
    expect(output.state).toBe('failed');
    expect(failures.at(-1)).toBe(full);
    expect(output.isFull).toBe(false);
    expect(disk.files.size).toBe(0);
    expect(memory.usedBytes).toBe(0);
    const vain = read(output, 0);
    await clock.advance(2_000);
    expect(await vain).toMatchObject({ pages: [], complete: false });
  });
});

describe('a stored output that is lost', () => {
  it('because it was released says so, and its file is gone', async () => {
    const { output, disk } = aStoredOutput('partitioned');
    output.addPage(aMarkedPage(1), 0);
    output.noMorePages();
    await settle();
    const waiting = read(output, 0, { token: 1 });
    expect(await waiting).toMatchObject({ complete: true });
    output.release();
    output.release();
    await settle();
    expect(disk.files.size).toBe(0);
    expect(output.storedBytes).toBe(0);
    await expect(read(output, 0)).rejects.toMatchObject({
      code: 'OUTPUT_PAGE_LOST',
      details: { task_id: 'query.1.1.0', output_index: '0' },
    });
  });

  it('because its file is damaged says whose it was, and never gives less than all', async () => {
    const { output, disk } = aStoredOutput('partitioned');
    output.addPage(aMarkedPage(1), 0);
    output.noMorePages();
    await settle();
    for (const file of disk.files.values()) file.isDamaged = true;
    await expect(read(output, 0)).rejects.toMatchObject({
      code: 'OUTPUT_PAGE_LOST',
      message: expect.stringContaining('task query.1.1.0'),
      details: { file: 'memory', task_id: 'query.1.1.0' },
    });
  });
});

describe('any interleaving of writes and reads', () => {
  it('gives each reader all pages of its buffer, in order, once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.constantFrom(...KINDS),
        fc.array(fc.nat(2), { maxLength: 12 }),
        fc.array(fc.record({ id: fc.nat(2), maxBytes: fc.integer({ min: 1, max: 40 }) }), {
          minLength: 1,
          maxLength: 4,
        }),
        async (scheduler, kind, partitions, readers) => {
          const pause = (): Promise<void> => scheduler.schedule(Promise.resolve(), 'disk');
          const { output, memory } = aStoredOutput(kind, { pause });
          const steps = scheduler.scheduleSequence([
            ...partitions.map((partition, mark) => async () => {
              output.addPage(aMarkedPage(mark), partition);
            }),
            async () => output.noMorePages(),
          ]);
          const results = readers.map(({ id, maxBytes }) => readAll(output, id, maxBytes));
          await scheduler.waitFor(Promise.all([steps.task, ...results]));
          expect(output.state).toBe('finished');
          expect(memory.usedBytes).toBe(0);
          for (const [i, { id }] of readers.entries()) {
            const mine = partitions.flatMap((partition, mark) => {
              const owner = kind === 'arbitrary' ? (mark + 1) % 3 : partition;
              return kind === 'broadcast' || owner === id ? [mark] : [];
            });
            expect(await results[i]).toEqual(mine);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
