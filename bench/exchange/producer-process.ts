/** A producer of pages in another process, and reading from it through gRPC. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { ExchangeClient } from '../../services/common/exchange/exchange-client.ts';
import { silentLogger } from '../../services/common/logger.ts';
import { GrpcExchangePages } from '../../services/common/rpc/exchange-page-source.ts';
import { systemClock } from '../../services/common/system-clock.ts';
import type { ProduceRequest, ProducerReady, StreamStored } from './protocol.ts';
import { locationOf, TICKET } from './protocol.ts';

export interface StreamLoad {
  readonly streams: number;
  readonly pageBytes: number;
  /** Of all streams. */
  readonly totalBytes: number;
}

/** Streams that were produced, by the number of the first. */
export interface ProducedStreams extends StreamLoad {
  readonly firstStream: number;
}

export class ProducerProcess {
  readonly #child: ChildProcess;
  readonly #port: number;
  readonly #source = new GrpcExchangePages({
    credentials: credentials.createInsecure(),
    clock: systemClock,
  });
  #streamCount = 0;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.#port = port;
  }

  static async start(): Promise<ProducerProcess> {
    const child = fork(join(import.meta.dirname, 'producer-child.js'));
    const [{ port }] = (await once(child, 'message')) as [ProducerReady];
    return new ProducerProcess(child, port);
  }

  /** Begins to make pages in memory, as fast as they are read. */
  stream(load: StreamLoad): ProducedStreams {
    return this.#order(load, false);
  }

  /** Makes pages and writes them to files; resolves when all are there. */
  async store(load: StreamLoad): Promise<ProducedStreams> {
    const produced = this.#order(load, true);
    await new Promise<void>((resolve) => {
      let missing = load.streams;
      const onMessage = ({ storedStream }: StreamStored): void => {
        if (storedStream >= produced.firstStream) missing -= 1;
        if (missing > 0) return;
        this.#child.off('message', onMessage);
        resolve();
      };
      this.#child.on('message', onMessage);
    });
    return produced;
  }

  /** Reads all streams to their ends at once. GB/s, from the first request on. */
  async read({ firstStream, streams, totalBytes }: ProducedStreams): Promise<number> {
    const client = new ExchangeClient({
      source: this.#source,
      ticket: TICKET,
      clock: systemClock,
      log: silentLogger,
    });
    const startedAt = performance.now();
    for (let i = 0; i < streams; i += 1) {
      client.addLocation(locationOf(firstStream + i, this.#port));
    }
    client.noMoreLocations();
    const { signal } = new AbortController();
    let bytes = 0;
    for (
      let page = await client.next(signal);
      page !== undefined;
      page = await client.next(signal)
    ) {
      bytes += page.byteLength;
    }
    if (bytes !== totalBytes) throw new Error(`${bytes} of ${totalBytes} bytes arrived`);
    return bytes / (performance.now() - startedAt) / 1e6;
  }

  /** Nobody reads them again: their files go. */
  release({ firstStream, streams }: ProducedStreams): void {
    for (let i = 0; i < streams; i += 1) {
      this.#child.send({ kind: 'release', stream: firstStream + i } satisfies ProduceRequest);
    }
  }

  async close(): Promise<void> {
    this.#source.close();
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }

  #order(load: StreamLoad, retained: boolean): ProducedStreams {
    const { streams, pageBytes, totalBytes } = load;
    const firstStream = this.#streamCount;
    this.#streamCount += streams;
    const pageCount = totalBytes / pageBytes / streams;
    for (let stream = firstStream; stream < this.#streamCount; stream += 1) {
      const request: ProduceRequest = { kind: 'produce', stream, pageBytes, pageCount, retained };
      this.#child.send(request);
    }
    return { ...load, firstStream };
  }
}
