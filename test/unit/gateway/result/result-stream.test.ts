import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../../../services/common/error.ts';
import type {
  FragmentId,
  NodeId,
  NodeInstanceId,
  OutputBufferId,
  PartitionId,
  QueryId,
} from '../../../../services/common/ids.ts';
import type { OutputLocation } from '../../../../services/common/plan/split.ts';
import {
  encodeSchemaMessage,
  END_OF_STREAM,
} from '../../../../services/common/page/schema-message.ts';
import type {
  PageRead,
  ResultLocation,
  ResultPages,
  ResultUpdate,
} from '../../../../services/gateway/result/ports.ts';
import {
  type ResultChunk,
  streamResult,
} from '../../../../services/gateway/result/result-stream.ts';
import {
  decodeResultToken,
  type ResultToken,
} from '../../../../services/gateway/result/result-token.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

const QUERY_ID = '20260315_142501_00042_k7f3a' as QueryId;
const columns = [{ name: 'a', type: { id: 'INTEGER' } }] as const;

function locationOf(partition: number): OutputLocation {
  return {
    taskId: {
      queryId: QUERY_ID,
      stageId: 0 as FragmentId,
      partitionId: partition as PartitionId,
      attempt: 0,
    },
    nodeId: 'w1' as NodeId,
    nodeInstanceId: 'i1' as NodeInstanceId,
    address: '127.0.0.1:1',
    outputIndex: 0,
    bufferId: 0 as OutputBufferId,
  };
}

function update(changes: Partial<ResultUpdate>): ResultUpdate {
  return {
    attempt: 0,
    columns,
    capability: Uint8Array.of(1),
    locations: [],
    noMoreLocations: false,
    commitment: 'committed',
    resultReplayBytes: 1000,
    timeZone: 'UTC',
    ...changes,
  };
}

/** Tasks whose pages are `task:index`, one byte each of text; records every read. */
class FakePages implements ResultPages {
  readonly reads: PageRead[] = [];
  readonly #pageCounts: readonly number[];
  readonly #perReply: number;

  constructor(pageCounts: readonly number[], perReply = 2) {
    this.#pageCounts = pageCounts;
    this.#perReply = perReply;
  }

  async read(request: PageRead): Promise<{ pages: readonly Uint8Array[]; complete: boolean }> {
    this.reads.push(request);
    const partition = request.location.taskId.partitionId;
    const count = this.#pageCounts[partition] ?? 0;
    const end = Math.min(count, request.token + this.#perReply);
    const pages = [];
    for (let token = request.token; token < end; token += 1) pages.push(pageOf(partition, token));
    return { pages, complete: end === count };
  }
}

function pageOf(partition: number, token: number): Uint8Array {
  return Buffer.from(`${partition}:${token};`);
}

async function* once(
  ...updates: readonly ResultUpdate[]
): AsyncGenerator<ResultUpdate, void, void> {
  yield* updates;
}

interface Setting {
  readonly updates: AsyncIterable<ResultUpdate>;
  readonly pages: ResultPages;
  readonly resumeAt?: ResultToken;
  readonly clock?: VirtualClock;
}

function open(setting: Setting): AsyncGenerator<ResultChunk, void, void> {
  const { updates, pages, resumeAt, clock = new VirtualClock() } = setting;
  return streamResult(
    { queryId: QUERY_ID, updates, pages, clock, resumeAt, maxBufferedBytes: 1024 },
    new AbortController().signal,
  );
}

async function collect(chunks: AsyncIterable<ResultChunk>): Promise<ResultChunk[]> {
  const all: ResultChunk[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all;
}

function locations(count: number): readonly ResultLocation[] {
  return Array.from({ length: count }, (_, partition) => ({ location: locationOf(partition) }));
}

function bodyOf(chunks: readonly ResultChunk[]): Buffer {
  return Buffer.concat(chunks.map((chunk) => chunk.arrowIpc));
}

function pageTexts(chunks: readonly ResultChunk[]): string[] {
  return (
    bodyOf(chunks)
      .toString('latin1')
      .match(/\d+:\d+;/g) ?? []
  );
}

describe('a result stream', () => {
  it('is the schema, the pages of every root task in their order, and the end marker', async () => {
    const all = update({ locations: locations(3), noMoreLocations: true });
    const chunks = await collect(open({ updates: once(all), pages: new FakePages([3, 0, 5]) }));
    const body = bodyOf(chunks);
    const schema = encodeSchemaMessage(columns);
    expect(body.subarray(0, schema.byteLength)).toEqual(Buffer.from(schema));
    expect(body.subarray(-END_OF_STREAM.byteLength)).toEqual(Buffer.from(END_OF_STREAM));
    expect(chunks.map((chunk) => chunk.complete)).toEqual(
      chunks.map((_, i) => i === chunks.length - 1),
    );
    const pages = pageTexts(chunks);
    expect(pages.filter((page) => page.startsWith('0'))).toEqual(['0:0;', '0:1;', '0:2;']);
    expect(pages.filter((page) => page.startsWith('2'))).toHaveLength(5);
    expect(pages).toHaveLength(8);
  });

  it('cuts a schema that no message holds', async () => {
    const fields = Array.from({ length: 5_000 }, (_, i) => {
      return { name: `${i}${'v'.repeat(1_000)}`, type: { id: 'INTEGER' } } as const;
    });
    const wide = [{ name: 'a', type: { id: 'STRUCT', fields } }] as const;
    const all = update({ columns: wide, locations: locations(1), noMoreLocations: true });
    const chunks = await collect(open({ updates: once(all), pages: new FakePages([1]) }));
    expect(Math.max(...chunks.map((chunk) => chunk.arrowIpc.length))).toBeLessThan(4 << 20);
    const schema = encodeSchemaMessage(wide);
    expect(bodyOf(chunks).subarray(0, schema.byteLength).equals(schema)).toBe(true);
    const uncut = chunks.findIndex((chunk) => chunk.token !== undefined);
    expect(bodyOf(chunks.slice(0, uncut)).byteLength).toBeLessThanOrEqual(schema.byteLength);
    expect(uncut).toBeGreaterThan(0);
  });

  it('is one message when all of it is there at once and small', async () => {
    const inline = locations(2).map((location, partition) => ({
      ...location,
      inlinePages: [pageOf(partition, 0), pageOf(partition, 1)],
    }));
    const all = update({ locations: inline, noMoreLocations: true });
    const chunks = await collect(open({ updates: once(all), pages: new FakePages([]) }));
    expect(chunks).toHaveLength(1);
    expect(chunks[0]).toMatchObject({ complete: true });
    expect(pageTexts(chunks)).toEqual(['0:0;', '0:1;', '1:0;', '1:1;']);
  });

  it('continues behind any token with exactly the pages that were not sent yet', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 6 }), { minLength: 1, maxLength: 4 }),
        fc.nat({ max: 30 }),
        async (counts, cut) => {
          const all = update({ locations: locations(counts.length), noMoreLocations: true });
          const whole = await collect(open({ updates: once(all), pages: new FakePages(counts) }));
          const sent = whole.slice(0, 1 + (cut % whole.length));
          const token = sent.findLast((chunk) => chunk.token !== undefined)?.token;
          if (token === undefined) return;
          const before = sent.slice(
            0,
            sent.findLastIndex((chunk) => chunk.token !== undefined) + 1,
          );
          const resumeAt = decodeResultToken(token, QUERY_ID);
          const rest = await collect(
            open({ updates: once(all), pages: new FakePages(counts), resumeAt }),
          );
          const expected = counts.flatMap((count, p) =>
            Array.from({ length: count }, (_, i) => `${p}:${i};`),
          );
          expect([...pageTexts(before), ...pageTexts(rest)].toSorted()).toEqual(
            expected.toSorted(),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it('takes inline pages instead of fetching, also when a location was announced before (R8)', async () => {
    const never: ResultPages = {
      read: () => new Promise(() => undefined),
    };
    const inline = { location: locationOf(0), inlinePages: [pageOf(0, 0), pageOf(0, 1)] };
    const updates = once(
      update({ locations: locations(1), noMoreLocations: true }),
      update({ locations: [inline], noMoreLocations: true }),
    );
    expect(pageTexts(await collect(open({ updates, pages: never })))).toEqual(['0:0;', '0:1;']);
  });

  it('reads nothing of an attempt that may still be retried', async () => {
    const pages = new FakePages([1]);
    const withheld = update({
      locations: locations(1),
      noMoreLocations: true,
      commitment: 'withheld',
    });
    async function* updates(): AsyncGenerator<ResultUpdate, void, void> {
      yield withheld;
      expect(pages.reads).toHaveLength(0);
      yield { ...withheld, locations: [], commitment: 'committed' };
    }
    expect(pageTexts(await collect(open({ updates: updates(), pages })))).toEqual(['0:0;']);
  });

  it('forgets a withheld attempt that is given up, and reads the next (T9)', async () => {
    const pages = new FakePages([1]);
    const first = update({
      locations: locations(3),
      noMoreLocations: true,
      commitment: 'withheld',
    });
    const none = { locations: [], noMoreLocations: false };
    const updates = once(
      first,
      update({ ...none, attempt: 1, commitment: 'withheld' }),
      update({
        locations: locations(1),
        noMoreLocations: true,
        attempt: 1,
        commitment: 'withheld',
      }),
      update({ ...none, noMoreLocations: true, attempt: 1 }),
    );
    expect(pageTexts(await collect(open({ updates, pages })))).toEqual(['0:0;']);
    expect(pages.reads.map(({ location }) => location.taskId.partitionId)).toEqual([0]);
  });

  it('ends with an error when an attempt is given up that was shown', async () => {
    const updates = once(update({}), update({ attempt: 1 }));
    const chunks = open({ updates, pages: new FakePages([]) });
    await expect(collect(chunks)).rejects.toMatchObject({ code: 'RESULT_TOKEN_EXPIRED' });
  });

  it('acknowledges only what is outside the replay window', async () => {
    const pages = new FakePages([20], 1);
    const all = update({ locations: locations(1), noMoreLocations: true, resultReplayBytes: 16 });
    await collect(open({ updates: once(all), pages }));
    const last = pages.reads.at(-1);
    expect(last?.token).toBe(19);
    // Pages of 4 to 5 bytes: the window holds at least the last 16 bytes, so at least three pages stay.
    expect(last?.acknowledgedToken).toBeGreaterThan(0);
    expect(last?.acknowledgedToken).toBeLessThanOrEqual(16);
  });

  it('cuts a page that is larger than a message, and gives the token with its last piece only', async () => {
    const page = new Uint8Array(7 * 1024 * 1024).fill(7);
    const source = { location: locationOf(0), inlinePages: [page] };
    const all = update({ locations: [source], noMoreLocations: true });
    const chunks = await collect(open({ updates: once(all), pages: new FakePages([]) }));
    const pieces = chunks.slice(1, -1);
    expect(pieces.map((piece) => piece.token !== undefined)).toEqual([false, false, true]);
    expect(pieces.every((piece) => piece.arrowIpc.byteLength < 4 * 1024 * 1024)).toBe(true);
    expect(Buffer.concat(pieces.map((piece) => piece.arrowIpc)).equals(page)).toBe(true);
  });
});

describe('a result stream that fails', () => {
  it('never ends without its end marker: the coordinator leaves', async () => {
    const chunks = open({
      updates: once(update({ locations: locations(1) })),
      pages: new FakePages([1]),
    });
    await expect(collect(chunks)).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
  });

  it("reports the query's error, which names the cause, rather than the read's", async () => {
    const failing: ResultPages = {
      read: () => Promise.reject(new EngineError('EXCHANGE_FAILED', 'connection refused')),
    };
    async function* updates(): AsyncGenerator<ResultUpdate, void, void> {
      yield update({ locations: locations(1), noMoreLocations: true });
      await new Promise((resolve) => setImmediate(resolve));
      throw new EngineError('NODE_LOST', 'worker w1 lost: killed by SIGKILL');
    }
    await expect(collect(open({ updates: updates(), pages: failing }))).rejects.toMatchObject({
      code: 'NODE_LOST',
    });
  });

  it("reports the read's error when the coordinator has nothing to say", async () => {
    const clock = new VirtualClock();
    const failing: ResultPages = {
      read: () => Promise.reject(new EngineError('EXCHANGE_FAILED', 'connection refused')),
    };
    async function* updates(): AsyncGenerator<ResultUpdate, void, void> {
      yield update({ locations: locations(1), noMoreLocations: true });
      await new Promise(() => undefined);
    }
    const failed = collect(open({ updates: updates(), pages: failing, clock })).catch(
      (error: unknown) => error,
    );
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(10_000);
    expect(await failed).toMatchObject({ code: 'EXCHANGE_FAILED' });
  });

  it('says at once that pages are gone, whoever else might say something later', async () => {
    const gone: ResultPages = {
      read: () => Promise.reject(new EngineError('RESULT_TOKEN_EXPIRED', 'page 0 is gone')),
    };
    async function* updates(): AsyncGenerator<ResultUpdate, void, void> {
      yield update({ locations: locations(1), noMoreLocations: true });
      await new Promise(() => undefined);
    }
    await expect(collect(open({ updates: updates(), pages: gone }))).rejects.toMatchObject({
      code: 'RESULT_TOKEN_EXPIRED',
    });
  });

  it('sends nothing more once a read has failed', async () => {
    const clock = new VirtualClock();
    const mixed: ResultPages = {
      read: ({ location, token }) =>
        location.taskId.partitionId === 0
          ? Promise.reject(new EngineError('EXCHANGE_FAILED', 'connection refused'))
          : Promise.resolve({ pages: [pageOf(1, token)], complete: false }),
    };
    async function* updates(): AsyncGenerator<ResultUpdate, void, void> {
      yield update({ locations: locations(2), noMoreLocations: true });
      await new Promise(() => undefined);
    }
    const chunks = open({ updates: updates(), pages: mixed, clock });
    expect((await chunks.next()).value).toMatchObject({ complete: false });
    const next = collect(chunks).catch((error: unknown) => error);
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(10_000);
    expect(await next).toMatchObject({ code: 'EXCHANGE_FAILED' });
  });

  it('ends with the reason of the signal', async () => {
    const leaving = new AbortController();
    const chunks = streamResult(
      {
        queryId: QUERY_ID,
        updates: once(update({ locations: locations(1), noMoreLocations: true })),
        pages: { read: () => new Promise(() => undefined) },
        clock: new VirtualClock(),
        resumeAt: undefined,
        maxBufferedBytes: 1024,
      },
      leaving.signal,
    );
    await chunks.next();
    const next = chunks.next();
    leaving.abort(new EngineError('CALL_CANCELLED', 'the client hung up'));
    await expect(next).rejects.toMatchObject({ code: 'CALL_CANCELLED' });
  });

  it('refuses a token of another attempt', async () => {
    const resumeAt = { queryId: QUERY_ID, attempt: 1, pages: new Map(), complete: false };
    const chunks = open({
      updates: once(update({ attempt: 2 })),
      pages: new FakePages([]),
      resumeAt,
    });
    await expect(collect(chunks)).rejects.toMatchObject({ code: 'RESULT_TOKEN_EXPIRED' });
  });
});
