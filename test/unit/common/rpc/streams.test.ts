import { describe, expect, it } from 'vitest';
import { ExchangeServiceService } from '../../../../proto/gen/skein/internal/v1/exchange.ts';
import type { ConnectResponse } from '../../../../proto/gen/skein/internal/v1/worker_control.ts';
import {
  ConnectRequest,
  WorkerControlServiceService,
} from '../../../../proto/gen/skein/internal/v1/worker_control.ts';
import { EngineError } from '../../../../services/common/error.ts';
import { deferred } from '../../../support/deferred.ts';
import {
  abortionOf,
  destroy,
  fetchRequest,
  never,
  page,
  soon,
  startServer,
} from '../../../support/rpc-harness.ts';

describe('a server stream', () => {
  it('gives the messages in order, then ends', async () => {
    const { channel } = await startServer({
      exchange: {
        async *fetch({ token }) {
          for (let i = 0; i < 40; i += 1) yield page(Number(token) + i);
        },
      },
    });
    const tokens: bigint[] = [];
    for await (const { token } of channel.serverStream(
      ExchangeServiceService.fetch,
      fetchRequest,
      soon,
    )) {
      tokens.push(token);
    }
    expect(tokens).toEqual(Array.from({ length: 40 }, (_, i) => BigInt(i + 3)));
  });

  it('gives what came before an error, then the error, and never an end', async () => {
    const { channel } = await startServer({
      exchange: {
        async *fetch() {
          yield page(1);
          yield page(2);
          throw new EngineError('OUTPUT_PAGE_LOST', 'gone');
        },
      },
    });
    const stream = channel.serverStream(ExchangeServiceService.fetch, fetchRequest, soon);
    const tokens: bigint[] = [];
    const readAll = async (): Promise<void> => {
      for await (const { token } of stream) tokens.push(token);
    };
    await expect(readAll()).rejects.toMatchObject({ code: 'OUTPUT_PAGE_LOST' });
    expect(tokens).toEqual([1n, 2n]);
  });

  it('is an error when the server goes away in the middle', async () => {
    const started = await startServer({
      exchange: {
        async *fetch(_request, { signal }) {
          yield page(1);
          await abortionOf(signal);
        },
      },
    });
    const stream = started.channel.serverStream(ExchangeServiceService.fetch, fetchRequest, soon);
    expect(await stream.next()).toMatchObject({ done: false });
    await started.server.shutdown({ graceMs: 0 });
    await expect(stream.next()).rejects.toMatchObject({ code: 'EXCHANGE_FAILED' });
  });

  it('is cancelled when its reader leaves early', async () => {
    const { promise: cancelled, resolve } = deferred<unknown>();
    const { channel } = await startServer({
      exchange: {
        async *fetch(_request, { signal }) {
          yield page(1);
          resolve(await abortionOf(signal));
        },
      },
    });
    for await (const _ of channel.serverStream(ExchangeServiceService.fetch, fetchRequest, soon))
      break;
    expect(await cancelled).toMatchObject({ code: 'CALL_CANCELLED' });
  });

  it('is cancelled by its signal', async () => {
    const caller = new AbortController();
    const { channel } = await startServer({
      exchange: {
        async *fetch(_request, { signal }) {
          yield page(1);
          await abortionOf(signal);
        },
      },
    });
    const stream = channel.serverStream(ExchangeServiceService.fetch, fetchRequest, {
      signal: caller.signal,
    });
    await stream.next();
    const next = stream.next();
    caller.abort(new EngineError('QUERY_CANCELLED', 'enough'));
    await expect(next).rejects.toMatchObject({ code: 'QUERY_CANCELLED' });
  });

  it('is produced no faster than it is read, by counting', async () => {
    let produced = 0;
    const { channel } = await startServer({
      exchange: {
        async *fetch() {
          for (; produced < 300; produced += 1) yield page(produced, 1 << 20);
        },
      },
    });
    const stream = channel.serverStream(ExchangeServiceService.fetch, fetchRequest, {
      signal: never,
    });
    await stream.next();
    let before = -1;
    for (let unchanged = 0; unchanged < 20; unchanged = before === produced ? unchanged + 1 : 0) {
      before = produced;
      await destroy(channel);
    }
    // 16 messages in the reader's stream, 4 in its window, one being written, one being read.
    expect(produced).toBeLessThanOrEqual(16 + 4 + 4);
    let count = 1;
    for await (const _ of stream) count += 1;
    expect(count).toBe(300);
  });
});

describe('a bidirectional stream', () => {
  const heartbeat = (sequence: number): ConnectRequest =>
    ConnectRequest.create({ sequence: BigInt(sequence) });
  const answer = (sequence: bigint): ConnectResponse => ({ sequence, message: undefined });

  async function* count(to: number): AsyncGenerator<ConnectRequest> {
    for (let i = 1; i <= to; i += 1) yield heartbeat(i);
  }

  it('carries messages both ways and ends when the server ends it', async () => {
    const { channel } = await startServer({
      connect: async function* (requests) {
        for await (const { sequence } of requests) yield answer(sequence * 2n);
        yield answer(0n);
      },
    });
    const sequences: bigint[] = [];
    for await (const { sequence } of channel.bidi(WorkerControlServiceService.connect, count(3), {
      signal: never,
    })) {
      sequences.push(sequence);
    }
    expect(sequences).toEqual([2n, 4n, 6n, 0n]);
  });

  it('shows each side the error of the other', async () => {
    const { promise: serverSaw, resolve } = deferred<unknown>();
    const { channel } = await startServer({
      connect: async function* (requests) {
        try {
          for await (const { sequence } of requests) yield answer(sequence);
        } catch (error) {
          resolve(error);
        }
      },
    });
    const answered = deferred();
    const failing = async function* (): AsyncGenerator<ConnectRequest> {
      yield heartbeat(1);
      await answered.promise;
      throw new EngineError('NODE_LOST', 'own failure');
    };
    const stream = channel.bidi(WorkerControlServiceService.connect, failing(), { signal: never });
    await stream.next();
    answered.resolve();
    await expect(stream.next()).rejects.toMatchObject({ code: 'NODE_LOST' });
    expect(await serverSaw).toMatchObject({ code: 'CALL_CANCELLED' });
  });

  it('fails with the error of the handler', async () => {
    const { channel } = await startServer({
      connect: async function* (requests) {
        for await (const { sequence } of requests) {
          yield answer(sequence);
          throw new EngineError('NODE_REFUSED', 'not you');
        }
      },
    });
    const stream = channel.bidi(WorkerControlServiceService.connect, count(1), { signal: never });
    expect(await stream.next()).toEqual({ done: false, value: answer(1n) });
    await expect(stream.next()).rejects.toMatchObject({ code: 'NODE_REFUSED' });
  });
});
