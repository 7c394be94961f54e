import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../../../services/common/error.ts';
import type { Page } from '../../../../services/common/page/page.ts';
import { encodeRecordBatch } from '../../../../services/common/page/record-batch-message.ts';
import type { OutputLocation } from '../../../../services/common/plan/split.ts';
import { InputQueue } from '../../../../services/worker/input/input-queue.ts';
import type { PageMemory, PageSupply, SpillFile } from '../../../../services/worker/input/ports.ts';
import { deferred, type Deferred } from '../../../support/deferred.ts';
import { aLocation } from '../../../support/exchange.ts';
import { settle } from '../../../support/virtual-clock.ts';

/** A page of `rowCount` rows whose only buffer tells it from others. */
function aPage(mark: number, rowCount = 1): Page {
  const nodes = [{ rowCount, nullCount: 0 }];
  return encodeRecordBatch({ rowCount, nodes, buffers: [new Uint8Array(), Uint8Array.of(mark)] });
}

const markOf = (page: Page): number => new Uint8Array(page).at(-8) ?? -1;

/** Hands out pages when the test says so. */
class FakeSupply implements PageSupply {
  closed = 0;
  readonly locations: OutputLocation[] = [];
  readonly #waiting: Deferred<Page | undefined>[] = [];
  readonly #ready: (Page | undefined | Error)[] = [];

  addLocation(location: OutputLocation): void {
    this.locations.push(location);
  }

  noMoreLocations(): void {}

  async next(): Promise<Page | undefined> {
    const waiting = deferred<Page | undefined>();
    this.#waiting.push(waiting);
    this.#deliver();
    return await waiting.promise;
  }

  give(...pages: readonly (Page | undefined)[]): void {
    this.#ready.push(...pages);
    this.#deliver();
  }

  fail(error: Error): void {
    this.#ready.push(error);
    this.#deliver();
  }

  close(): void {
    this.closed += 1;
  }

  #deliver(): void {
    while (this.#waiting.length > 0 && this.#ready.length > 0) {
      const result = this.#ready.shift();
      const waiting = this.#waiting.shift();
      if (result instanceof Error) waiting?.reject(result);
      else waiting?.resolve(result);
    }
  }
}

class FakeMemory implements PageMemory {
  used = 0;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  tryReserve(byteCount: number): boolean {
    if (this.used + byteCount > this.#limit) return false;
    this.used += byteCount;
    return true;
  }

  release(byteCount: number): void {
    this.used -= byteCount;
  }
}

class FakeFile implements SpillFile {
  closed = 0;
  readonly #pages = new Map<number, Page>();
  #length = 0;

  async append(bytes: Page): Promise<number> {
    const position = this.#length;
    this.#length += bytes.byteLength;
    this.#pages.set(position, bytes);
    return position;
  }

  async read(position: number): Promise<Page> {
    const page = this.#pages.get(position);
    if (page === undefined) throw new Error('nothing was written there');
    return page.slice(0);
  }

  async close(): Promise<void> {
    this.closed += 1;
  }
}

interface Setting {
  readonly memoryBytes?: number;
  readonly rowLimit?: number;
  readonly isReread?: boolean;
}

function aQueue(setting: Setting = {}) {
  const supply = new FakeSupply();
  const memory = new FakeMemory(setting.memoryBytes ?? 1 << 20);
  const files: FakeFile[] = [];
  const failures: EngineError[] = [];
  const queue = new InputQueue({
    supply,
    memory,
    openSpillFile: async () => {
      const file = new FakeFile();
      files.push(file);
      return file;
    },
    listener: { onChange: () => undefined, onFailure: (error) => failures.push(error) },
    rowLimit: setting.rowLimit,
    isReread: setting.isReread ?? false,
  });
  return { queue, supply, memory, files, failures };
}

async function readAll(queue: InputQueue): Promise<number[]> {
  const marks: number[] = [];
  for (;;) {
    const page = await queue.readPage();
    if (page === undefined) return marks;
    marks.push(markOf(page));
  }
}

describe('an input queue', () => {
  it('gives every page once, in the order of arrival, whatever fits into memory', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 20 }), fc.nat({ max: 3000 }), async (count, memoryBytes) => {
        const { queue, supply, memory, files } = aQueue({ memoryBytes });
        const marks = Array.from({ length: count }, (_, i) => i);
        supply.give(...marks.map((mark) => aPage(mark)), undefined);
        expect(await readAll(queue)).toEqual(marks);
        queue.close();
        await settle();
        expect(memory.used).toBe(0);
        expect(files.map((file) => file.closed)).toEqual(files.map(() => 1));
      }),
    );
  });

  it('keeps receiving while nobody reads: what does not fit goes to the file', async () => {
    const { queue, supply, files } = aQueue({ memoryBytes: 600 });
    supply.give(...Array.from({ length: 50 }, (_, i) => aPage(i)), undefined);
    while (!queue.isComplete) await settle();
    expect(files).toHaveLength(1);
    expect(queue.spilledBytes).toBeGreaterThan(0);
    expect(queue.rowCount).toBe(50);
    expect(await readAll(queue)).toHaveLength(50);
  });

  it('waits for a page that has not come yet', async () => {
    const { queue, supply } = aQueue();
    const reading = queue.readPage();
    supply.give(aPage(7));
    const page = await reading;
    expect(page === undefined ? undefined : markOf(page)).toBe(7);
  });

  it('ends at the row limit and tells the producers (T18)', async () => {
    const { queue, supply } = aQueue({ rowLimit: 10 });
    supply.give(aPage(1, 6), aPage(2, 6), aPage(3, 6));
    expect(await readAll(queue)).toEqual([1, 2]);
    expect(supply.closed).toBe(1);
  });

  it('hands on locations that come when it has enough, so that their producers hear of it', async () => {
    const { queue, supply } = aQueue({ rowLimit: 1 });
    supply.give(aPage(1, 6));
    expect(await readAll(queue)).toEqual([1]);
    queue.addLocation(aLocation(1));
    queue.close();
    queue.addLocation(aLocation(2));
    expect(supply.locations).toEqual([aLocation(1), aLocation(2)]);
  });

  it('can be read again, each time with pages of its own', async () => {
    const { queue, supply } = aQueue({ isReread: true, memoryBytes: 400 });
    supply.give(aPage(1), aPage(2), aPage(3), undefined);
    const first = await queue.readPage();
    if (first !== undefined) new Uint8Array(first).fill(0);
    await readAll(queue);
    queue.rewind();
    expect(await readAll(queue)).toEqual([1, 2, 3]);
  });

  it('fails its reader and its task, and never looks complete', async () => {
    const { queue, supply, failures } = aQueue();
    supply.give(aPage(1));
    supply.fail(new EngineError('REMOTE_TASK_FAILED', 'the producer failed'));
    await settle();
    await expect(readAll(queue)).rejects.toMatchObject({ code: 'REMOTE_TASK_FAILED' });
    expect(queue.isComplete).toBe(false);
    expect(failures.map((error) => error.code)).toEqual(['REMOTE_TASK_FAILED']);
  });

  it('lets a waiting reader go when it is closed', async () => {
    const { queue, failures } = aQueue();
    const reading = queue.readPage();
    queue.close();
    await expect(reading).rejects.toMatchObject({ code: 'QUERY_CANCELLED' });
    expect(failures).toEqual([]);
  });
});
