import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { ExchangeClient } from '../../services/common/exchange/exchange-client.ts';
import { silentLogger } from '../../services/common/logger.ts';
import { GrpcExchangePages } from '../../services/common/rpc/exchange-page-source.ts';
import { systemClock } from '../../services/common/system-clock.ts';
import type { ProduceRequest, ProducerReady } from '../exchange/protocol.ts';
import { locationOf, TICKET } from '../exchange/protocol.ts';
import type { Measurement, MicroBenchmark } from '../micro-benchmark.ts';

const MIB = 1 << 20;

const STREAMS = [
  {
    name: '1 stream, 1 MiB pages',
    streams: 1,
    pageBytes: MIB,
    totalBytes: 3_072 * MIB,
    isGoal: true,
  },
  { name: '1 stream, 64 KiB pages', streams: 1, pageBytes: MIB >> 4, totalBytes: 512 * MIB },
  { name: '8 streams, 1 MiB pages', streams: 8, pageBytes: MIB, totalBytes: 2_048 * MIB },
] as const;

export const benchmark: MicroBenchmark = {
  title: 'pages from output buffers of another process through gRPC into an exchange client',
  async run() {
    const producer = fork(join(import.meta.dirname, '..', 'exchange', 'producer-child.js'));
    const [{ port }] = (await once(producer, 'message')) as [ProducerReady];
    const source = new GrpcExchangePages({
      credentials: credentials.createInsecure(),
      clock: systemClock,
    });
    const measurements: Measurement[] = [];
    let firstStream = 0;
    try {
      for (const { name, ...load } of STREAMS) {
        const pull = (totalBytes: number): Promise<number> => {
          const from = firstStream;
          firstStream += load.streams;
          return pullStreams({ ...load, totalBytes, firstStream: from, port, producer, source });
        };
        await pull(load.totalBytes / 8);
        const value = await pull(load.totalBytes);
        const target = 'isGoal' in load ? { target: { atLeast: 1 } } : {};
        measurements.push({ name, value, unit: 'GB/s', ...target });
      }
    } finally {
      source.close();
      const exited = once(producer, 'exit');
      producer.disconnect();
      await exited;
    }
    return measurements;
  },
};

interface Load {
  readonly streams: number;
  readonly pageBytes: number;
  readonly totalBytes: number;
  readonly firstStream: number;
  readonly port: number;
  readonly producer: ChildProcess;
  readonly source: GrpcExchangePages;
}

/** GB/s, from the first request to the end of the last stream. */
async function pullStreams(load: Load): Promise<number> {
  const { streams, pageBytes, totalBytes, firstStream, port, producer, source } = load;
  const pageCount = totalBytes / pageBytes / streams;
  const client = new ExchangeClient({
    source,
    ticket: TICKET,
    clock: systemClock,
    log: silentLogger,
  });
  const startedAt = performance.now();
  for (let stream = firstStream; stream < firstStream + streams; stream += 1) {
    producer.send({ stream, pageBytes, pageCount } satisfies ProduceRequest);
    client.addLocation(locationOf(stream, port));
  }
  client.noMoreLocations();
  const { signal } = new AbortController();
  let bytes = 0;
  for (let page = await client.next(signal); page !== undefined; page = await client.next(signal)) {
    bytes += page.byteLength;
  }
  if (bytes !== totalBytes) throw new Error(`${bytes} of ${totalBytes} bytes arrived`);
  return bytes / (performance.now() - startedAt) / 1e6;
}
