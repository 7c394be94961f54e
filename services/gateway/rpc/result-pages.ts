import type { Clock } from '../../common/clock.ts';
import { EngineError } from '../../common/error.ts';
import { BufferReader } from '../../common/exchange/buffer-reader.ts';
import type { PageSource } from '../../common/exchange/page-source.ts';
import type { Principal } from '../../common/task/task-status.ts';
import type { PageRead, PageReadReply, ResultPages } from '../result/ports.ts';

/** A worker that stays out of reach for so long is left to the coordinator's verdict. */
const MAX_ERROR_DURATION_MS = 10_000;

/** Reads the root stage's output buffers in the name of `principal`. */
export class ExchangeResultPages implements ResultPages {
  readonly #source: PageSource;
  readonly #clock: Clock;
  readonly #principal: Principal;

  constructor(options: {
    readonly source: PageSource;
    readonly clock: Clock;
    readonly principal: Principal;
  }) {
    this.#source = expiringPages(options.source);
    this.#clock = options.clock;
    this.#principal = options.principal;
  }

  async read(request: PageRead, signal: AbortSignal): Promise<PageReadReply> {
    const { location, capability, token, acknowledgedToken, maxBytes } = request;
    const reader = new BufferReader(
      { location, ticket: { capability, principal: this.#principal } },
      { source: this.#source, clock: this.#clock, maxErrorDurationMs: MAX_ERROR_DURATION_MS },
    );
    const page = { token, acknowledgedToken, maxBytes };
    const { pages, complete } = await reader.read(page, signal);
    return { pages: pages.map((bytes) => new Uint8Array(bytes)), complete };
  }
}

/** Pages that were dropped do not come again, however often they are asked for. */
function expiringPages(source: PageSource): PageSource {
  return {
    async fetchPages(address, request, signal) {
      const reply = await source.fetchPages(address, request, signal);
      if (reply.token <= request.token) return reply;
      throw new EngineError(
        'RESULT_TOKEN_EXPIRED',
        `pages ${request.token} to ${reply.token - 1} of the result are gone; run the query again`,
      );
    },
    acknowledge: (address, token, signal) => source.acknowledge(address, token, signal),
    destroy: (address, signal) => source.destroy(address, signal),
  };
}
