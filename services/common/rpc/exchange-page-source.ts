import type { ChannelCredentials } from '@grpc/grpc-js';
import type { BufferAccess } from '../../../proto/gen/skein/internal/v1/exchange.ts';
import type { Clock } from '../clock.ts';
import { EngineError } from '../error.ts';
import type { BufferAddress, PageReply, PageRequest, PageSource } from '../exchange/page-source.ts';
import type { NodeId } from '../ids.ts';
import type { Page } from '../page/page.ts';
import type { OutputLocation } from '../plan/split.ts';
import { CallBatch } from './call-batch.ts';
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
  /** Where a location is reached; without it, at the address that it names. */
  readonly addressOf?: (location: OutputLocation) => string;
}

/** Another process, as reached at one address. */
interface Peer {
  readonly channel: RpcChannel;
  readonly destroys: CallBatch<BufferAccess>;
  lastUseMs: number;
}

/** The pages of other processes, over one channel per address. */
export class GrpcExchangePages implements PageSource {
  readonly #credentials: ChannelCredentials;
  readonly #clock: Clock;
  readonly #addressOf: (location: OutputLocation) => string;
  readonly #peers = new Map<string, Peer>();

  constructor(options: GrpcExchangePagesOptions) {
    this.#credentials = options.credentials;
    this.#clock = options.clock;
    this.#addressOf = options.addressOf ?? (({ address }) => address);
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
    const messages = this.#peerAt(address.location).channel.serverStream(
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
    await this.#peerAt(address.location).channel.unary(
      exchangeService.acknowledge,
      { access: bufferAddressToWire(address), token: BigInt(token) },
      { signal, timeoutMs: ORDER_TIMEOUT_MS },
    );
  }

  /** Buffers that end together, as those of one stage do, are destroyed by one call. */
  async destroy(address: BufferAddress): Promise<void> {
    await this.#peerAt(address.location).destroys.add(bufferAddressToWire(address));
  }

  close(): void {
    for (const { channel } of this.#peers.values()) channel.close();
    this.#peers.clear();
  }

  #peerAt(location: OutputLocation): Peer {
    const now = this.#clock.now();
    const address = this.#addressOf(location);
    const known = this.#peers.get(address);
    if (known !== undefined) {
      known.lastUseMs = now;
      return known;
    }
    this.#forgetIdle(now);
    const peer = { ...this.#connect(location.nodeId, address), lastUseMs: now };
    this.#peers.set(address, peer);
    return peer;
  }

  #connect(nodeId: NodeId, address: string): Pick<Peer, 'channel' | 'destroys'> {
    const channel = new RpcChannel({
      address,
      credentials: this.#credentials,
      clock: this.#clock,
      peer: { unavailable: 'EXCHANGE_FAILED', details: { node_id: nodeId, address } },
    });
    const { signal } = new AbortController();
    const destroys = new CallBatch<BufferAccess>({
      clock: this.#clock,
      send: (accesses) =>
        channel.unary(
          exchangeService.destroy,
          { accesses },
          { signal, timeoutMs: ORDER_TIMEOUT_MS },
        ),
    });
    return { channel, destroys };
  }

  #forgetIdle(now: number): void {
    for (const [address, { channel, lastUseMs }] of this.#peers) {
      if (now - lastUseMs < CHANNEL_IDLE_MS) continue;
      channel.close();
      this.#peers.delete(address);
    }
  }
}

/** The worker broke the protocol; none of the reply is used, and asking again is harmless. */
function outOfOrder(location: OutputLocation): EngineError {
  return new EngineError('EXCHANGE_FAILED', 'pages of a reply are out of order', {
    details: { node_id: location.nodeId, address: location.address },
  });
}
