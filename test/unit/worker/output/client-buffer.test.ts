import { describe, expect, it } from 'vitest';
import { EngineError } from '../../../../services/common/error.ts';
import type { PageReply, PageRequest } from '../../../../services/common/exchange/page-source.ts';
import { seededRandom } from '../../../../services/common/random.ts';
import { ClientBuffer } from '../../../../services/worker/output/client-buffer.ts';
import { HeldPage } from '../../../../services/worker/output/held-page.ts';
import { aMarkedPage, markOf } from '../../../support/pages.ts';
import { VirtualClock, settle } from '../../../support/virtual-clock.ts';

const never = new AbortController().signal;

function aBuffer(options: { isResult?: boolean } = {}): {
  buffer: ClientBuffer;
  clock: VirtualClock;
  add: (...marks: number[]) => void;
  freed: number[];
  read: (request: Partial<PageRequest>, signal?: AbortSignal) => Promise<PageReply>;
} {
  const clock = new VirtualClock();
  const buffer = new ClientBuffer({
    clock,
    random: seededRandom(1),
    isResult: options.isResult ?? false,
  });
  const freed: number[] = [];
  return {
    buffer,
    clock,
    freed,
    add: (...marks) => {
      for (const mark of marks)
        buffer.add(new HeldPage(aMarkedPage(mark, 100), () => freed.push(mark)));
    },
    read: ({ token = 0, maxBytes = 1_000, acknowledgedToken = token }, signal = never) =>
      buffer.read({ token, maxBytes, acknowledgedToken }, signal),
  };
}

const summary = ({ token, pages, complete }: PageReply): unknown => ({
  token,
  marks: pages.map(markOf),
  complete,
});

describe("one reader's pages", () => {
  it('come from the token on, at least one, up to the bytes asked for', async () => {
    const { add, read } = aBuffer();
    add(1, 2, 3, 4);
    expect(summary(await read({ token: 0, maxBytes: 10 }))).toEqual({
      token: 0,
      marks: [1],
      complete: false,
    });
    expect(summary(await read({ token: 1, maxBytes: 250 }))).toEqual({
      token: 1,
      marks: [2, 3],
      complete: false,
    });
  });

  it('are freed when a read acknowledges them, and not before', async () => {
    const { add, read, freed } = aBuffer();
    add(1, 2, 3);
    await read({ token: 0 });
    expect(freed).toEqual([]);
    await read({ token: 2, acknowledgedToken: 1 });
    expect(freed).toEqual([1]);
    await read({ token: 2 });
    expect(freed).toEqual([1, 2]);
  });

  it('come again when they are asked for again', async () => {
    const { add, read } = aBuffer();
    add(1, 2);
    const first = await read({ token: 0, maxBytes: 1 });
    expect(await read({ token: 0, maxBytes: 1 })).toEqual(first);
  });

  it('are not there for a request that was overtaken', async () => {
    const { add, read } = aBuffer();
    add(1, 2, 3);
    await read({ token: 2 });
    expect(summary(await read({ token: 1 }))).toEqual({ token: 1, marks: [], complete: false });
  });

  it('are refused to a reader who has pages that were never here', async () => {
    const { add, read, buffer } = aBuffer();
    add(1);
    await expect(read({ token: 2 })).rejects.toMatchObject({ code: 'TASK_MISMATCH' });
    await expect(read({ token: 0, acknowledgedToken: 1 })).rejects.toMatchObject({
      code: 'TASK_MISMATCH',
    });
    expect(() => buffer.acknowledge(2)).toThrow(EngineError);
  });

  it('are waited for between one and two seconds, then the answer is empty', async () => {
    const { clock, read } = aBuffer();
    let reply: PageReply | undefined;
    void read({ token: 0 }).then((r) => (reply = r));
    await clock.advance(999);
    expect(reply).toBeUndefined();
    await clock.advance(1_001);
    expect(reply && summary(reply)).toEqual({ token: 0, marks: [], complete: false });
    expect(clock.pendingCount).toBe(0);
  });

  it('answer the waiting read as soon as one comes', async () => {
    const { add, clock, read } = aBuffer();
    const reply = read({ token: 0 });
    add(7);
    expect(summary(await reply)).toEqual({ token: 0, marks: [7], complete: false });
    expect(clock.pendingCount).toBe(0);
  });

  it('answer one read at a time: a newer one sends the older away with nothing', async () => {
    const { add, read } = aBuffer();
    const older = read({ token: 0 });
    const newer = read({ token: 0 });
    expect(summary(await older)).toEqual({ token: 0, marks: [], complete: false });
    add(7);
    expect(summary(await newer)).toMatchObject({ marks: [7] });
  });

  it('answer a read that was cancelled with nothing, and leave the pages for the next', async () => {
    const { add, read } = aBuffer();
    const caller = new AbortController();
    const cancelled = read({ token: 0 }, caller.signal);
    caller.abort();
    expect(summary(await cancelled)).toMatchObject({ marks: [] });
    add(7);
    expect(summary(await read({ token: 0 }))).toMatchObject({ marks: [7] });
  });
});

describe('the end of a buffer', () => {
  it('is told with the last page, and again behind it', async () => {
    const { add, buffer, read } = aBuffer();
    add(1, 2);
    buffer.seal();
    expect(summary(await read({ token: 0, maxBytes: 1 }))).toMatchObject({ complete: false });
    expect(summary(await read({ token: 1 }))).toEqual({ token: 1, marks: [2], complete: true });
    expect(summary(await read({ token: 2 }))).toEqual({ token: 2, marks: [], complete: true });
  });

  it('reaches the read that waits', async () => {
    const { buffer, read } = aBuffer();
    const reply = read({ token: 0 });
    buffer.seal();
    expect(summary(await reply)).toEqual({ token: 0, marks: [], complete: true });
  });

  it('is there at once when the buffer is destroyed, which frees its pages', async () => {
    const { add, buffer, freed, read } = aBuffer();
    add(1);
    const waiting = read({ token: 1, acknowledgedToken: 0 });
    buffer.destroy();
    buffer.destroy();
    expect(freed).toEqual([1]);
    expect(summary(await waiting)).toEqual({ token: 1, marks: [], complete: true });
    expect(summary(await read({ token: 1 }))).toEqual({ token: 1, marks: [], complete: true });
    add(2);
    expect(freed).toEqual([1, 2]);
  });

  it('never comes when the buffer is aborted: reads wait, then get nothing', async () => {
    const { add, buffer, clock, freed, read } = aBuffer();
    add(1);
    const replies: unknown[] = [];
    void read({ token: 1, acknowledgedToken: 0 }).then((r) => replies.push(summary(r)));
    await settle();
    buffer.abort();
    buffer.seal();
    buffer.destroy();
    expect(freed).toEqual([1]);
    await clock.advance(2_000);
    void read({ token: 1 }).then((r) => replies.push(summary(r)));
    await clock.advance(2_000);
    const nothing = { token: 1, marks: [], complete: false };
    expect(replies).toEqual([nothing, nothing]);
  });

  it('is the error when the buffer has failed', async () => {
    const { buffer, read } = aBuffer();
    const waiting = read({ token: 0 });
    buffer.fail(new EngineError('REMOTE_TASK_FAILED', 'broken'));
    await expect(waiting).rejects.toMatchObject({ code: 'REMOTE_TASK_FAILED' });
    await expect(read({ token: 0 })).rejects.toMatchObject({ code: 'REMOTE_TASK_FAILED' });
  });
});

describe("a result's buffer", () => {
  it('keeps pages behind the reader until they are acknowledged (design: result tokens)', async () => {
    const { add, freed, read } = aBuffer({ isResult: true });
    add(1, 2, 3);
    await read({ token: 0, acknowledgedToken: 0 });
    await read({ token: 2, acknowledgedToken: 1 });
    expect(freed).toEqual([1]);
    expect(summary(await read({ token: 1, acknowledgedToken: 0 }))).toMatchObject({
      marks: [2, 3],
    });
  });

  it('says that an acknowledged page is gone, never leaving a gap', async () => {
    const { add, read } = aBuffer({ isResult: true });
    add(1, 2, 3);
    await read({ token: 2, acknowledgedToken: 2 });
    await expect(read({ token: 1, acknowledgedToken: 0 })).rejects.toMatchObject({
      code: 'RESULT_TOKEN_EXPIRED',
    });
  });

  it('counts only pages that were never handed out as waiting', async () => {
    const { add, buffer, read } = aBuffer({ isResult: true });
    add(1, 2, 3);
    expect(buffer.unreadBytes).toBe(300);
    await read({ token: 0, maxBytes: 200, acknowledgedToken: 0 });
    await read({ token: 0, maxBytes: 100, acknowledgedToken: 0 });
    expect(buffer.unreadBytes).toBe(100);
    buffer.acknowledge(3);
    expect(buffer.unreadBytes).toBe(0);
  });

  it('has no end before its last page, even when destroyed', async () => {
    const { add, buffer, read } = aBuffer({ isResult: true });
    add(1);
    const waiting = read({ token: 1, acknowledgedToken: 0 });
    const failure = expect(waiting).rejects.toMatchObject({ code: 'RESULT_TOKEN_EXPIRED' });
    buffer.destroy();
    await failure;
    await expect(read({ token: 0 })).rejects.toMatchObject({ code: 'RESULT_TOKEN_EXPIRED' });
  });

  it('is complete behind its last page when destroyed after it', async () => {
    const { add, buffer, read } = aBuffer({ isResult: true });
    add(1);
    buffer.seal();
    buffer.destroy();
    expect(summary(await read({ token: 1 }))).toMatchObject({ complete: true });
  });
});
