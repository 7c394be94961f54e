import { describe, expect, it } from 'vitest';
import { EngineError, toErrorReport } from '../../../../services/common/error.ts';
import {
  BufferReader,
  DEFAULT_MAX_ERROR_DURATION_MS,
} from '../../../../services/common/exchange/buffer-reader.ts';
import type { PageReply, PageSource } from '../../../../services/common/exchange/page-source.ts';
import { lostOutputOf } from '../../../../services/common/task/fetch-failure.ts';
import { aLocation, aTicket } from '../../../support/exchange.ts';
import { aMarkedPage } from '../../../support/pages.ts';
import { settle, VirtualClock } from '../../../support/virtual-clock.ts';

const never = new AbortController().signal;
const request = { token: 4, maxBytes: 100, acknowledgedToken: 4 };
const reply: PageReply = { token: 4, pages: [aMarkedPage(1)], complete: false, isOwned: true };
const broken = (): EngineError => new EngineError('EXCHANGE_FAILED', 'connection refused');

/** Time passes after everything that is due now has happened. */
async function pass(clock: VirtualClock, ms: number): Promise<void> {
  await settle();
  await clock.advance(ms);
}

/** Answers with what it is given, in turn; then with the last. Notes when it was asked. */
function aReader(...answers: readonly (PageReply | Error)[]): {
  reader: BufferReader;
  clock: VirtualClock;
  askedAtMs: number[];
} {
  const clock = new VirtualClock();
  const askedAtMs: number[] = [];
  const answer = async (): Promise<PageReply> => {
    const next = answers[Math.min(askedAtMs.length, answers.length - 1)];
    askedAtMs.push(clock.now());
    if (next === undefined || next instanceof Error) throw next;
    return next;
  };
  const source: PageSource = {
    fetchPages: answer,
    acknowledge: async () => undefined,
    destroy: async () => void (await answer()),
  };
  return {
    reader: new BufferReader({ location: aLocation(), ticket: aTicket }, { source, clock }),
    clock,
    askedAtMs,
  };
}

describe('a read of a buffer', () => {
  it('asks again when the way is broken: at once, then after 50, 100, 200, 500, 500 … ms', async () => {
    const { reader, clock, askedAtMs } = aReader(...Array.from({ length: 7 }, broken), reply);
    const result = reader.read(request, never);
    await pass(clock, 10_000);
    expect(await result).toEqual(reply);
    expect(askedAtMs).toEqual([0, 0, 50, 150, 350, 850, 1_350, 1_850]);
  });

  it('asks again when the worker is shutting down or answers for another page', async () => {
    const shutdown = new EngineError('SHUTTING_DOWN', 'later');
    const { reader, clock, askedAtMs } = aReader(shutdown, { ...reply, token: 3 }, reply);
    const result = reader.read(request, never);
    await pass(clock, 50);
    expect(await result).toEqual(reply);
    expect(askedAtMs).toHaveLength(3);
  });

  it('is given up after a minute, naming node and task', async () => {
    const { reader, clock } = aReader(broken());
    const result = reader.read(request, never);
    const failure = expect(result).rejects.toMatchObject({
      code: 'EXCHANGE_FAILED',
      message: expect.stringMatching(
        /task 20260315_142501_00042_k7f3a\.1\.0\.0 on node worker-1.*connection refused/,
      ),
      details: { task_id: '20260315_142501_00042_k7f3a.1.0.0', node_id: 'worker-1' },
    });
    await pass(clock, 59_000);
    expect(clock.pendingCount).toBe(1);
    await pass(clock, 3_000);
    await failure;
    expect(clock.pendingCount).toBe(0);
  });

  it.each([
    'TASK_MISMATCH',
    'TASK_NOT_FOUND',
    'PERMISSION_DENIED',
    'REMOTE_TASK_FAILED',
    'RESULT_TOKEN_EXPIRED',
  ] as const)('is not repeated after %s', async (code) => {
    const { reader, askedAtMs } = aReader(new EngineError(code, 'no'));
    await expect(reader.read(request, never)).rejects.toMatchObject({ code });
    expect(askedAtMs).toHaveLength(1);
  });

  it('ends with its signal while it waits to ask again', async () => {
    const { reader, clock } = aReader(broken());
    const caller = new AbortController();
    const result = reader.read(request, caller.signal);
    const failure = expect(result).rejects.toThrow('enough');
    await pass(clock, 60);
    caller.abort(new Error('enough'));
    await failure;
    expect(clock.pendingCount).toBe(0);
  });
});

describe('reading a buffer to its end', () => {
  it('fails with the producer named, whatever it says itself (R19)', async () => {
    const lost = new EngineError('OUTPUT_PAGE_LOST', 'gone', { details: { file: 'f' } });
    const { reader } = aReader({ ...reply, token: 0 }, lost);
    const replies = reader.readToEnd(() => 100, never);
    await expect(replies.next()).resolves.toMatchObject({ value: { token: 0 } });
    const { taskId, nodeId, nodeInstanceId } = aLocation();
    await expect(replies.next()).rejects.toSatisfy((error: unknown) => {
      const report = toErrorReport(error);
      expect(report).toMatchObject({ message: 'gone', details: { file: 'f' } });
      expect(lostOutputOf(report)).toEqual({ taskId, nodeId, nodeInstanceId });
      return true;
    });
  });
});

describe('the destruction of a buffer', () => {
  it('is tried for as long as reads are, so that no producer waits for a reader that has ended', async () => {
    const { reader, clock, askedAtMs } = aReader(broken());
    const failure = expect(reader.destroy(never)).rejects.toMatchObject({
      code: 'EXCHANGE_FAILED',
    });
    await pass(clock, 61_000);
    await failure;
    expect(askedAtMs.slice(0, 6)).toEqual([0, 0, 50, 150, 350, 850]);
    expect(askedAtMs.at(-1)).toBeGreaterThan(DEFAULT_MAX_ERROR_DURATION_MS);
  });
});
