import { credentials, ServerCredentials } from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ExchangeClient } from '../../../../services/common/exchange/exchange-client.ts';
import type { BufferAddress } from '../../../../services/common/exchange/page-source.ts';
import type { Instant, NodeInstanceId, OutputBufferId } from '../../../../services/common/ids.ts';
import { silentLogger } from '../../../../services/common/logger.ts';
import { seededRandom } from '../../../../services/common/random.ts';
import { sameSecret } from '../../../../services/common/rpc/capability.ts';
import { GrpcExchangePages } from '../../../../services/common/rpc/exchange-page-source.ts';
import { exchangeService } from '../../../../services/common/rpc/exchange-wire.ts';
import { RpcServer } from '../../../../services/common/rpc/server.ts';
import { systemClock } from '../../../../services/common/system-clock.ts';
import type { OutputBufferSet } from '../../../../services/worker/output/output-buffer-set.ts';
import { PageMemoryPool } from '../../../../services/worker/output/page-memory-pool.ts';
import { TaskOutputs } from '../../../../services/worker/output/task-outputs.ts';
import { exchangeHandlers } from '../../../../services/common/rpc/exchange-handlers.ts';
import { aLocation, aTicket } from '../../../support/exchange.ts';
import { MemoryPageFiles } from '../../../support/memory-page-files.ts';
import { aMarkedPage, markOf } from '../../../support/pages.ts';

const never = new AbortController().signal;

interface Worker {
  readonly server: RpcServer;
  readonly set: OutputBufferSet;
  readonly source: GrpcExchangePages;
  readonly memory: PageMemoryPool;
  readonly address: BufferAddress;
}

/** A worker with one task of one hash output for two readers, and a way to it over loopback. */
async function aWorker(): Promise<Worker> {
  const memory = new PageMemoryPool(1 << 30);
  const outputs = new TaskOutputs({
    memory,
    openPageFile: new MemoryPageFiles().open,
    clock: systemClock,
    random: seededRandom(1),
    nodeInstanceId: 'run-1' as NodeInstanceId,
    sameSecret,
  });
  const location = aLocation();
  const set = outputs.create(
    {
      ...aTicket,
      taskId: location.taskId,
      splitAssignments: [],
      outputBuffers: [],
      deadline: 0 as Instant,
      memoryLimitBytes: 0,
    },
    [{ consumer: { kind: 'client' }, scheme: { kind: 'hash', keys: ['c0'] } }],
    () => undefined,
  );
  const bufferIds = [0, 1] as OutputBufferId[];
  set.declareBuffers([{ kind: 'partitioned', version: 1, bufferIds, noMoreBufferIds: true }]);
  const server = new RpcServer({
    credentials: ServerCredentials.createInsecure(),
    clock: systemClock,
    log: silentLogger,
  });
  server.addService(exchangeService, exchangeHandlers(outputs));
  const port = await server.listen('127.0.0.1:0');
  const source = new GrpcExchangePages({
    credentials: credentials.createInsecure(),
    clock: systemClock,
  });
  onTestFinished(() => source.close());
  onTestFinished(() => server.shutdown({ graceMs: 0 }));
  const address = { location: { ...location, address: `127.0.0.1:${port}` }, ticket: aTicket };
  return { server, set, source, memory, address };
}

const add = (set: OutputBufferSet, mark: number, byteCount = 100): void =>
  set.addPage({ outputIndex: 0, partition: 0, page: aMarkedPage(mark, byteCount), rowCount: 1 });

describe('the exchange service', () => {
  it('carries pages from token to token, and the end', async () => {
    const { set, source, address } = await aWorker();
    for (const mark of [1, 2, 3]) add(set, mark);
    const first = await source.fetchPages(
      address,
      { token: 0, maxBytes: 200, acknowledgedToken: 0 },
      never,
    );
    expect({ ...first, pages: first.pages.map(markOf) }).toEqual({
      token: 0,
      pages: [1, 2],
      complete: false,
      isOwned: true,
    });
    set.finish();
    const second = await source.fetchPages(
      address,
      { token: 2, maxBytes: 200, acknowledgedToken: 1 },
      never,
    );
    expect({ ...second, pages: second.pages.map(markOf) }).toEqual({
      token: 2,
      pages: [3],
      complete: true,
      isOwned: true,
    });
    const end = await source.fetchPages(
      address,
      { token: 3, maxBytes: 200, acknowledgedToken: 3 },
      never,
    );
    expect(end).toEqual({ token: 3, pages: [], complete: true, isOwned: true });
  });

  it('frees what is acknowledged and destroyed', async () => {
    const { set, source, address, memory } = await aWorker();
    for (const mark of [1, 2, 3]) add(set, mark);
    await source.acknowledge(address, 2, never);
    expect(memory.usedBytes).toBe(100);
    await source.destroy(address);
    expect(memory.usedBytes).toBe(0);
    await source.destroy(address);
  });

  it.each([
    [
      'another run of the worker',
      { nodeInstanceId: 'run-0' as NodeInstanceId },
      {},
      'TASK_MISMATCH',
    ],
    ['a wrong capability', {}, { capability: new Uint8Array(32).fill(8) }, 'PERMISSION_DENIED'],
    ['a capability of another length', {}, { capability: new Uint8Array(31) }, 'INVALID_REQUEST'],
    ['another principal', {}, { principal: { name: 'eve' } }, 'PERMISSION_DENIED'],
    ['no principal', {}, { principal: { name: '' } }, 'INVALID_REQUEST'],
    ['a buffer that is not declared', { bufferId: 2 as OutputBufferId }, {}, 'PERMISSION_DENIED'],
  ])('is closed to %s', async (_who, location, ticket, code) => {
    const { source, address } = await aWorker();
    const wrong = {
      location: { ...address.location, ...location },
      ticket: { ...address.ticket, ...ticket },
    };
    const request = { token: 0, maxBytes: 1, acknowledgedToken: 0 };
    await expect(source.fetchPages(wrong, request, never)).rejects.toMatchObject({ code });
    await expect(source.acknowledge(wrong, 0, never)).rejects.toMatchObject({ code });
    await expect(source.destroy(wrong)).rejects.toMatchObject({ code });
  });

  it('leaves the pages of a fetch that was cancelled to the next one', async () => {
    const { set, source, address } = await aWorker();
    const caller = new AbortController();
    const request = { token: 0, maxBytes: 200, acknowledgedToken: 0 };
    const cancelled = source.fetchPages(address, request, caller.signal);
    caller.abort(new Error('enough'));
    await expect(cancelled).rejects.toThrow('enough');
    add(set, 1);
    expect((await source.fetchPages(address, request, never)).pages.map(markOf)).toEqual([1]);
  });

  it('feeds an exchange client with pages of many sizes, each once and in order', async () => {
    const { set, source, address, memory } = await aWorker();
    const client = new ExchangeClient({
      source,
      ticket: aTicket,
      clock: systemClock,
      log: silentLogger,
      maxBufferedBytes: 1 << 20,
    });
    client.addLocation(address.location);
    client.noMoreLocations();
    const sizes = Array.from({ length: 200 }, (_, i) => 4 + ((i * 7919) % 60_000));
    const produce = async (): Promise<void> => {
      for (const [mark, size] of sizes.entries()) {
        add(set, mark, size);
        if (mark % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      set.finish();
    };
    void produce();
    const received: Record<number, number> = {};
    const order: number[] = [];
    for (let page = await client.next(never); page !== undefined; page = await client.next(never)) {
      received[markOf(page)] = page.byteLength;
      order.push(markOf(page));
    }
    expect(order).toEqual([...sizes.keys()]);
    expect(Object.values(received)).toEqual(sizes);
    await expect.poll(() => memory.usedBytes).toBe(0);
  });
});
