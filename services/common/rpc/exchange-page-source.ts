import type { ChannelCredentials } from '@grpc/grpc-js';
import type { Clock } from '../clock.ts';
import { EngineError } from '../error.ts';
import type { BufferAddress, PageReply, PageRequest, PageSource } from '../exchange/page-source.ts';
import type { Page } from '../page/page.ts';
import type { OutputLocation } from '../plan/split.ts';
import { RpcChannel } from './channel.ts';
import { bufferAddressToWire, exchangeService } from './exchange-wire.ts';

/** A fetch waits up to 2 s for its first page, and has the rest for bringing the pages over. */
const FETCH_TIMEOUT_MS = 30_000;
const ORDER_TIMEOUT_MS = 10_000;

/** A channel that nobody has used for so long is closed: workers come and go. */
const CHANNEL_IDLE_MS = 600_000;

export interface GrpcExchangePagesOptions {
  readonly credentials: ChannelCredentials;
  readonly clock: Clock;
}

interface CachedChannel {
  readonly channel: RpcChannel;
  lastUseMs: number;
}

/** The pages of other processes, over one channel per address. */
export class GrpcExchangePages implements PageSource {
  readonly #credentials: ChannelCredentials;
  readonly #clock: Clock;
  readonly #channels = new Map<string, CachedChannel>();

  constructor(options: GrpcExchangePagesOptions) {
    this.#credentials = options.credentials;
    this.#clock = options.clock;
  }

  async fetchPages(
    address: BufferAddress,
    request: PageRequest,
    signal: AbortSignal,
  ): Promise<PageReply> {
    const pages: Page[] = [];
    let complete = false;
    for await (const piece of this.streamPages(address, request, signal)) {
      pages.push(...piece.pages);
      complete = piece.complete;
    }
    return { token: request.token, pages, complete, isOwned: true };
  }

  async *streamPages(
    address: BufferAddress,
    request: PageRequest,
    signal: AbortSignal,
  ): AsyncGenerator<PageReply> {
    const messages = this.#channelTo(address.location).serverStream(
      exchangeService.fetch,
      {
        access: bufferAddressToWire(address),
        token: BigInt(request.token),
        maxBytes: BigInt(request.maxBytes),
        acknowledgedToken: BigInt(request.acknowledgedToken),
      },
      { signal, timeoutMs: FETCH_TIMEOUT_MS },
    );
    let expected = request.token;
    for await (const { token, page, isLast } of messages) {
      if (token !== expected) throw outOfOrder(address.location);
      if (page !== undefined) expected += 1;
      const pages = page === undefined ? [] : [page];
      yield { token, pages, complete: isLast, isOwned: true };
    }
  }

  async acknowledge(address: BufferAddress, token: number, signal: AbortSignal): Promise<void> {
    await this.#channelTo(address.location).unary(
      exchangeService.acknowledge,
      { access: bufferAddressToWire(address), token: BigInt(token) },
      { signal, timeoutMs: ORDER_TIMEOUT_MS },
    );
  }

  async destroy(address: BufferAddress, signal: AbortSignal): Promise<void> {
    await this.#channelTo(address.location).unary(
      exchangeService.destroy,
      { access: bufferAddressToWire(address) },
      { signal, timeoutMs: ORDER_TIMEOUT_MS },
    );
  }

  close(): void {
    for (const { channel } of this.#channels.values()) channel.close();
    this.#channels.clear();
  }

  #channelTo({ address, nodeId }: OutputLocation): RpcChannel {
    const now = this.#clock.now();
    const cached = this.#channels.get(address);
    if (cached !== undefined) {
      cached.lastUseMs = now;
      return cached.channel;
    }
    this.#closeIdle(now);
    const channel = new RpcChannel({
      address,
      credentials: this.#credentials,
      clock: this.#clock,
      peer: { unavailable: 'EXCHANGE_FAILED', details: { node_id: nodeId, address } },
    });
    this.#channels.set(address, { channel, lastUseMs: now });
    return channel;
  }

  #closeIdle(now: number): void {
    for (const [address, { channel, lastUseMs }] of this.#channels) {
      if (now - lastUseMs < CHANNEL_IDLE_MS) continue;
      channel.close();
      this.#channels.delete(address);
    }
  }
}

/** The worker broke the protocol; none of the reply is used, and asking again is harmless. */
function outOfOrder(location: OutputLocation): EngineError {
  return new EngineError('EXCHANGE_FAILED', 'pages of a reply are out of order', {
    details: { node_id: location.nodeId, address: location.address },
  });
}
