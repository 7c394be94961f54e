import { describe, expect, it } from 'vitest';
import type { PageReply, PageRequest } from '../../../../services/common/exchange/page-source.ts';
import type { OutputBufferId } from '../../../../services/common/ids.ts';
import type { OutputBufferKind } from '../../../../services/common/task/output-buffers.ts';
import type { OutputBuffer } from '../../../../services/worker/output/output-buffer.ts';
import { anOutput } from '../../../support/output-buffers.ts';
import { aMarkedPage, markOf } from '../../../support/pages.ts';

const MIB = 1 << 20;
const never = new AbortController().signal;
const buffer = (id: number): OutputBufferId => id as OutputBufferId;

function read(
  output: OutputBuffer,
  id: number,
  request: Partial<PageRequest> = {},
): Promise<PageReply> {
  const { token = 0, maxBytes = 1_000 * MIB, acknowledgedToken = token } = request;
  return output.read(buffer(id), { token, maxBytes, acknowledgedToken }, never);
}

async function marks(output: OutputBuffer, id: number): Promise<readonly number[]> {
  return (await read(output, id)).pages.map(markOf);
}

describe('readers that never come', () => {
  const kinds: readonly OutputBufferKind[] = ['partitioned', 'broadcast', 'arbitrary'];

  it.each(kinds)(
    'do not keep a %s output from its end when they are declared abandoned',
    async (kind) => {
      const { output, memory } = anOutput(kind);
      output.declare({
        kind,
        version: 1,
        bufferIds: [buffer(0), buffer(1)],
        noMoreBufferIds: true,
        abandonedBufferIds: [buffer(1)],
      });
      output.addPage(aMarkedPage(7), 0);
      if (kind === 'partitioned') output.addPage(aMarkedPage(8), 1);
      output.noMorePages();
      expect(await marks(output, 0)).toEqual([7]);
      output.destroyBuffer(buffer(0));
      expect(output.state).toBe('finished');
      expect(memory.usedBytes).toBe(0);
    },
  );

  it.each(kinds)('free what a %s output kept for them, also after the last ids', (kind) => {
    const { output, memory, declare } = anOutput(kind);
    declare([0], true);
    output.addPage(aMarkedPage(7), 0);
    const abandoned = { kind, version: 2, bufferIds: [buffer(0)], noMoreBufferIds: true } as const;
    output.declare({ ...abandoned, abandonedBufferIds: [buffer(0)] });
    expect(output.state).toBe('finished');
    expect(memory.usedBytes).toBe(0);
  });

  it('change nothing when they are abandoned again', () => {
    const { output } = anOutput('broadcast');
    const update = {
      kind: 'broadcast',
      version: 1,
      bufferIds: [buffer(0), buffer(1)],
      noMoreBufferIds: false,
      abandonedBufferIds: [buffer(1)],
    } as const;
    output.declare(update);
    output.declare(update);
    expect(output.state).toBe('open');
  });
});

describe('declarations of buffers', () => {
  it('change nothing when they are old or repeated', () => {
    const { output, declare } = anOutput('broadcast');
    declare([0, 1], false);
    const stale = { kind: 'broadcast', version: 1, bufferIds: [], noMoreBufferIds: true } as const;
    output.declare(stale);
    output.declare({ ...stale, version: 0 });
    expect(output.state).toBe('open');
  });

  it('change nothing after the last', () => {
    const { output, declare } = anOutput('broadcast');
    declare([0], true);
    declare([0, 1], false);
    expect(output.state).toBe('no-more-buffers');
    return expect(read(output, 1)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  });

  it.each<[string, OutputBufferKind, readonly number[], boolean]>([
    ['that miss an id declared before', 'broadcast', [1], false],
    ['of a partitioned output without all ids', 'partitioned', [0], false],
  ])('%s are refused', (_name, kind, ids, isLast) => {
    const { declare } = anOutput(kind);
    if (kind === 'broadcast') declare([0], false);
    expect(() => declare(ids, isLast)).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST' }),
    );
  });

  it('of another kind are refused', () => {
    const { output } = anOutput('arbitrary');
    const other = { kind: 'broadcast', version: 1, bufferIds: [], noMoreBufferIds: false } as const;
    expect(() => output.declare(other)).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST' }),
    );
  });

  it('may come after the reader: its read waits for them', async () => {
    const { output, declare } = anOutput('broadcast');
    const early = read(output, 0);
    output.addPage(aMarkedPage(1), 0);
    declare([0], true);
    expect((await early).pages.map(markOf)).toEqual([1]);
  });

  it('end the wait of readers that were not meant', async () => {
    const { output, declare } = anOutput('partitioned');
    const stranger = read(output, 7);
    declare([0, 1], true);
    await expect(stranger).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  });
});

describe('a broadcast output (T10)', () => {
  it('keeps all pages for late readers, until no more readers come', async () => {
    const { output, declare, memory } = anOutput('broadcast');
    declare([0], false);
    output.addPage(aMarkedPage(1), 0);
    output.addPage(aMarkedPage(2), 0);
    expect(await marks(output, 0)).toEqual([1, 2]);
    output.acknowledge(buffer(0), 2);
    expect(memory.usedBytes).toBe(16);
    declare([0, 1], true);
    expect(await marks(output, 1)).toEqual([1, 2]);
    output.acknowledge(buffer(1), 2);
    expect(memory.usedBytes).toBe(0);
  });

  it('counts a page once, however many read it', () => {
    const { output, declare } = anOutput('broadcast');
    declare([0, 1, 2], true);
    output.addPage(aMarkedPage(1, 100), 0);
    expect(output.bufferedBytes).toBe(100);
  });

  it('is overutilised above half of its capacity, while pages come (T25)', () => {
    const { output } = anOutput('broadcast');
    output.addPage(aMarkedPage(1, 100 * MIB), 0);
    expect(output.status.overutilized).toBe(false);
    output.addPage(aMarkedPage(2), 0);
    expect(output.status).toMatchObject({ overutilized: true, utilization: expect.closeTo(0.5) });
    output.noMorePages();
    expect(output.status.overutilized).toBe(false);
  });
});

describe('an arbitrary output (T10)', () => {
  it('serves waiting readers in turn', async () => {
    const { output, declare } = anOutput('arbitrary');
    declare([0, 1, 2], true);
    const reads = [0, 1, 2].map((id) => read(output, id));
    for (const mark of [1, 2, 3]) output.addPage(aMarkedPage(mark), 0);
    const got = await Promise.all(reads);
    expect(got.map(({ pages }) => pages.map(markOf))).toEqual([[1], [2], [3]]);
  });

  it('tells waiting readers the end when another takes the last page', async () => {
    const { output, declare } = anOutput('arbitrary');
    declare([0, 1], true);
    output.addPage(aMarkedPage(1), 0);
    output.noMorePages();
    expect((await read(output, 0)).complete).toBe(true);
    expect(await read(output, 1)).toMatchObject({ pages: [], complete: true });
  });
});

describe('back-pressure', () => {
  it.each([
    ['partitioned', 32],
    ['broadcast', 200],
    ['arbitrary', 32],
  ] as const)(
    'a %s output is full above %i MiB, until a reader acknowledges',
    async (kind, limitMib) => {
      const { output, declare } = anOutput(kind);
      declare([0], true);
      for (let i = 0; i < limitMib; i += 1) output.addPage(aMarkedPage(i, MIB), 0);
      expect(output.isFull).toBe(false);
      output.addPage(aMarkedPage(99), 0);
      expect(output.isFull).toBe(true);
      const { pages } = await read(output, 0);
      expect(output.isFull).toBe(true);
      output.acknowledge(buffer(0), pages.length);
      expect(output.isFull).toBe(false);
    },
  );

  it('is lifted by the last page', () => {
    const { output, declare } = anOutput('partitioned');
    declare([0], true);
    output.addPage(aMarkedPage(1, 33 * MIB), 0);
    output.noMorePages();
    expect(output.isFull).toBe(false);
  });

  it('of a result counts pages that were never sent: those kept for a resumption block nobody', async () => {
    const { output, declare } = anOutput('partitioned', { isResult: true });
    declare([0], true);
    output.addPage(aMarkedPage(1, 33 * MIB), 0);
    expect(output.isFull).toBe(true);
    await read(output, 0, { acknowledgedToken: 0 });
    expect(output.isFull).toBe(false);
    expect(output.bufferedBytes).toBe(33 * MIB);
  });

  it('comes from the memory of the worker too, but leaves every output one page', () => {
    const { output, declare, memory } = anOutput('partitioned', { memoryBytes: 100 });
    declare([0], true);
    memory.reserve(100);
    expect(output.isFull).toBe(false);
    output.addPage(aMarkedPage(1), 0);
    expect(output.isFull).toBe(true);
    memory.release(100);
    expect(output.isFull).toBe(false);
  });
});

describe('the end of an output', () => {
  it('comes when all pages are made and all readers done', () => {
    const { output, declare } = anOutput('partitioned');
    declare([0, 1], true);
    output.addPage(aMarkedPage(1), 0);
    output.noMorePages();
    expect(output.state).toBe('flushing');
    output.destroyBuffer(buffer(0));
    expect(output.state).toBe('flushing');
    output.destroyBuffer(buffer(1));
    expect(output.state).toBe('finished');
  });

  it('comes early when no reader needs more (T18), and later pages are dropped', () => {
    const { output, declare, memory } = anOutput('partitioned');
    declare([0], true);
    output.addPage(aMarkedPage(1), 0);
    output.destroyBuffer(buffer(0));
    expect(output.state).toBe('finished');
    output.addPage(aMarkedPage(2), 0);
    expect(memory.usedBytes).toBe(0);
  });

  it('does not come while another reader may', () => {
    const { output, declare } = anOutput('broadcast');
    declare([0], false);
    output.noMorePages();
    output.destroyBuffer(buffer(0));
    expect(output.state).toBe('no-more-pages');
    declare([0, 1], true);
    expect(output.state).toBe('flushing');
  });

  it('of a cancelled task is seen by readers that come later', async () => {
    const { output } = anOutput('broadcast');
    output.addPage(aMarkedPage(1), 0);
    output.destroy();
    expect(await read(output, 0)).toMatchObject({ pages: [], complete: true });
  });

  it('drops pages after the last (LIMIT)', async () => {
    const { output, declare } = anOutput('partitioned');
    declare([0], true);
    output.noMorePages();
    output.addPage(aMarkedPage(1), 0);
    expect(await read(output, 0)).toMatchObject({ pages: [], complete: true });
    expect(output.bufferedBytes).toBe(0);
  });
});
