/**
 * Where the pages of output buffers come from: another process (`common/rpc/exchange-page-source.ts`), or the
 * buffers of this very process. The protocol is Trino's: a token is the sequence number of a page, from 0; reading
 * again is harmless; pages go away only when they are acknowledged or their buffer is destroyed.
 */
import { EngineError } from '../error.ts';
import type { OutputLocation } from '../plan/split.ts';
import type { Page } from '../page/page.ts';
import type { Principal } from '../task/task-status.ts';

/** Shows the right to read a query's pages. */
export interface ExchangeTicket {
  /** The query's 32 bytes. */
  readonly capability: Uint8Array;
  readonly principal: Principal;
}

/** One buffer, and the right to it. */
export interface BufferAddress {
  readonly location: OutputLocation;
  readonly ticket: ExchangeTicket;
}

/** What a reader shows: which buffer it wants, on which run of the producer, and its right to it. */
export interface BufferAccess extends Pick<BufferAddress, 'ticket'> {
  readonly location: Pick<OutputLocation, 'taskId' | 'nodeInstanceId' | 'outputIndex' | 'bufferId'>;
}

/** Whoever has buffers that others read. */
export interface BufferServer {
  fetchPages(access: BufferAccess, request: PageRequest, signal: AbortSignal): Promise<PageReply>;
  acknowledge(access: BufferAccess, token: number, signal: AbortSignal): Promise<void>;
  destroy(access: BufferAccess, signal: AbortSignal): Promise<void>;
}

export interface PageRequest {
  /** The first page wanted. */
  readonly token: number;
  /** As many pages as are there, up to about so many bytes; at least one. */
  readonly maxBytes: number;
  /** Pages below are dropped; never above `token`. */
  readonly acknowledgedToken: number;
}

export interface PageReply {
  /** Of the first page; without pages: of the next one. */
  readonly token: number;
  /** Empty when none came for a while: ask again. */
  readonly pages: readonly Page[];
  /** No page follows these, ever. */
  readonly complete: boolean;
  /** Nobody else holds the memory of these pages: it may be transferred. */
  readonly isOwned: boolean;
}

/**
 * Failures are EngineErrors. EXCHANGE_FAILED and SHUTTING_DOWN say that the way to the buffer is broken, which may
 * pass; all other codes are final.
 */
export interface PageSource {
  fetchPages(address: BufferAddress, request: PageRequest, signal: AbortSignal): Promise<PageReply>;
  /** The same reply in pieces that follow each other, for sources whose pages come one by one. */
  streamPages?(
    address: BufferAddress,
    request: PageRequest,
    signal: AbortSignal,
  ): AsyncIterable<PageReply>;
  /** Frees the pages below `token` without reading. */
  acknowledge(address: BufferAddress, token: number, signal: AbortSignal): Promise<void>;
  /** The reader needs no more of the buffer. Repeating it is harmless. */
  destroy(address: BufferAddress, signal: AbortSignal): Promise<void>;
}

/** A reply in pieces; in one, if the source has it whole. Leaving early cancels the rest. */
export async function* pagesInPieces(
  source: PageSource,
  { address, request }: { readonly address: BufferAddress; readonly request: PageRequest },
  signal: AbortSignal,
): AsyncGenerator<PageReply> {
  if (source.streamPages === undefined) yield await source.fetchPages(address, request, signal);
  else yield* source.streamPages(address, request, signal);
}

/**
 * Reads buffers of this process (of this very run of it) by reference, spooled ones from where they lie, all others over the
 * wire. @throws EngineError INVALID_REQUEST for a spooled one where there is no spool
 */
export function routedPageSource(sources: {
  readonly isLocal: (location: OutputLocation) => boolean;
  readonly local: PageSource;
  readonly remote: PageSource;
  readonly spooled?: PageSource;
}): PageSource {
  const sourceOf = ({ location }: BufferAddress): PageSource => {
    if (location.isSpooled === undefined)
      return sources.isLocal(location) ? sources.local : sources.remote;
    if (sources.spooled !== undefined) return sources.spooled;
    throw new EngineError(
      'INVALID_REQUEST',
      'a spooled output is to be read where there is no spool',
    );
  };
  return {
    fetchPages: (address, request, signal) =>
      sourceOf(address).fetchPages(address, request, signal),
    streamPages: (address, request, signal) =>
      pagesInPieces(sourceOf(address), { address, request }, signal),
    acknowledge: (address, token, signal) => sourceOf(address).acknowledge(address, token, signal),
    destroy: (address, signal) => sourceOf(address).destroy(address, signal),
  };
}
