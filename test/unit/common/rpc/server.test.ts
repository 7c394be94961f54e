import { connect, constants } from 'node:http2';
import { Client, credentials, ServerCredentials } from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthService,
} from '../../../../proto/gen/grpc/health/v1/health.ts';
import { ExchangeServiceService } from '../../../../proto/gen/skein/internal/v1/exchange.ts';
import { EngineError } from '../../../../services/common/error.ts';
import { silentLogger } from '../../../../services/common/logger.ts';
import { RpcServer } from '../../../../services/common/rpc/server.ts';
import { systemClock } from '../../../../services/common/system-clock.ts';
import { deferred } from '../../../support/deferred.ts';
import { abortionOf, destroy, never, soon, startServer } from '../../../support/rpc-harness.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

describe('a unary call', () => {
  it('answers', async () => {
    const { channel } = await startServer({});
    expect(await destroy(channel)).toEqual({});
  });

  it('fails with the EngineError of its handler', async () => {
    const { channel } = await startServer({
      exchange: {
        destroy: () => {
          throw new EngineError('TASK_NOT_FOUND', 'no task “x”', { details: { task_id: 'x' } });
        },
      },
    });
    await expect(destroy(channel)).rejects.toMatchObject({
      name: 'EngineError',
      code: 'TASK_NOT_FOUND',
      message: 'no task “x”',
      details: { task_id: 'x' },
    });
  });

  it('fails with INTERNAL_ERROR for a bug', async () => {
    const { channel } = await startServer({
      exchange: { destroy: () => Promise.reject(new TypeError('x is not a function')) },
    });
    await expect(destroy(channel)).rejects.toMatchObject({
      code: 'INTERNAL_ERROR',
      message: 'x is not a function',
    });
  });

  it('fails as the channel says when nobody listens', async () => {
    const { server, channel } = await startServer({});
    await server.shutdown({ graceMs: 0 });
    await expect(destroy(channel)).rejects.toMatchObject({
      code: 'EXCHANGE_FAILED',
      details: { node_id: 'worker-1', grpc_status: 'UNAVAILABLE' },
    });
  });

  it('is refused on a channel that is closed', async () => {
    const { channel } = await startServer({});
    channel.close();
    await expect(destroy(channel)).rejects.toMatchObject({ code: 'CALL_CANCELLED' });
  });

  it('tells the handler its deadline, and when it has passed', async () => {
    const seen: unknown[] = [];
    const { channel } = await startServer({
      exchange: {
        destroy: async (_request, { signal, deadline }) => {
          seen.push(typeof deadline, await abortionOf(signal));
          return {};
        },
      },
    });
    await expect(destroy(channel, { signal: never, timeoutMs: 50 })).rejects.toMatchObject({
      code: 'EXCHANGE_FAILED',
      details: { grpc_status: 'DEADLINE_EXCEEDED' },
    });
    await expect
      .poll(() => seen)
      .toEqual(['number', expect.objectContaining({ code: 'CALL_CANCELLED' })]);
  });

  it('is cancelled by its signal, with the reason of the signal', async () => {
    const caller = new AbortController();
    const { promise: cancelled, resolve } = deferred<unknown>();
    const { channel } = await startServer({
      exchange: {
        destroy: async (_request, { signal }) => {
          caller.abort(new EngineError('QUERY_CANCELLED', 'enough'));
          resolve(await abortionOf(signal));
          return {};
        },
      },
    });
    await expect(destroy(channel, { ...soon, signal: caller.signal })).rejects.toMatchObject({
      code: 'QUERY_CANCELLED',
    });
    expect(await cancelled).toMatchObject({ code: 'CALL_CANCELLED' });
    await expect(destroy(channel, { ...soon, signal: caller.signal })).rejects.toThrow('enough');
  });
});

describe('requests that are not valid', () => {
  async function rawError(bytes: Buffer): Promise<unknown> {
    const { port } = await startServer({});
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    onTestFinished(() => client.close());
    return new Promise((resolve) => {
      client.makeUnaryRequest(
        ExchangeServiceService.acknowledge.path,
        (value: Buffer) => value,
        (value: Buffer) => value,
        bytes,
        (error) => resolve(error),
      );
    });
  }

  it('are INVALID_ARGUMENT when malformed, where grpc-js would say INTERNAL (A7)', async () => {
    expect(await rawError(Buffer.from([0x0a, 0xff, 0xff]))).toMatchObject({ code: 3 });
  });

  it('are RESOURCE_EXHAUSTED above the limit of the method (A7)', async () => {
    expect(await rawError(Buffer.alloc(17 * 1024))).toMatchObject({ code: 8 });
  });

  it('are given up when their body does not arrive (A7, slow loris)', async () => {
    const clock = new VirtualClock();
    const { port } = await startServer({}, clock);
    const session = connect(`http://127.0.0.1:${port}`);
    onTestFinished(() => session.destroy());
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: ExchangeServiceService.destroy.path,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
      [constants.HTTP2_HEADER_TE]: 'trailers',
    });
    stream.write(Buffer.from([0, 0, 0, 1, 0, 1, 2, 3]));
    const status = new Promise((resolve) => {
      stream.on('response', (headers) => resolve(headers['grpc-status']));
    });
    await expect.poll(() => clock.pendingCount).toBe(1);
    await clock.advance(10_000);
    expect(await status).toBe('4');
  });
});

describe('health and shutdown', () => {
  it('serves only after it was told to', async () => {
    const { server, channel } = await startServer({});
    const check = (service: string): Promise<unknown> =>
      channel.unary(HealthService.check, { service }, soon);
    expect(await check('')).toEqual({ status: ServingStatus.NOT_SERVING });
    server.setServing(true);
    expect(await check('')).toEqual({ status: ServingStatus.SERVING });
    expect(await check('skein.internal.v1.ExchangeService')).toEqual({
      status: ServingStatus.SERVING,
    });
    await expect(check('nobody.v1.Service')).rejects.toMatchObject({ code: 'SERVICE_NOT_FOUND' });
  });

  it('tells watchers that it ends, and does not wait for them', async () => {
    const { server, channel } = await startServer({});
    server.setServing(true);
    const statuses: ServingStatus[] = [];
    const watch = channel.serverStream(HealthService.watch, { service: '' }, { signal: never });
    for await (const { status } of watch) {
      statuses.push(status);
      if (statuses.length === 1) void server.shutdown({ graceMs: 3_600_000 });
    }
    expect(statuses).toEqual([ServingStatus.SERVING, ServingStatus.NOT_SERVING]);
  });

  it('lets running calls end within the grace', async () => {
    const { promise: begun, resolve: begin } = deferred();
    const { promise: released, resolve: release } = deferred();
    const { server, channel } = await startServer({
      exchange: {
        destroy: async () => {
          begin();
          await released;
          return {};
        },
      },
    });
    const call = destroy(channel);
    await begun;
    const shutdown = server.shutdown({ graceMs: 3_600_000 });
    release();
    expect(await call).toEqual({});
    await shutdown;
  });

  it('cuts off calls that outlast the grace', async () => {
    const { promise: begun, resolve: begin } = deferred();
    const { server, channel } = await startServer({
      exchange: {
        destroy: () => {
          begin();
          return new Promise(() => undefined);
        },
      },
    });
    const call = destroy(channel);
    const failure = expect(call).rejects.toMatchObject({ code: 'EXCHANGE_FAILED' });
    await begun;
    await server.shutdown({ graceMs: 20 });
    await failure;
  });

  it('refuses an address that is taken', async () => {
    const { port } = await startServer({});
    const other = new RpcServer({
      credentials: ServerCredentials.createInsecure(),
      clock: systemClock,
      log: silentLogger,
    });
    await expect(other.listen(`127.0.0.1:${port}`)).rejects.toMatchObject({
      code: 'INVALID_CONFIGURATION',
    });
  });
});
