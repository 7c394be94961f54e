/** ExchangeService with pages that are not copied more than grpc-js does itself (clients.md, finding 8). */
import type { BufferAccess as WireBufferAccess } from '../../../proto/gen/skein/internal/v1/exchange.ts';
import {
  ExchangeServiceService,
  FetchResponse as WireFetchResponse,
} from '../../../proto/gen/skein/internal/v1/exchange.ts';
import type { BufferAddress } from '../exchange/page-source.ts';
import { formatTaskId } from '../ids.ts';
import type { Page } from '../page/page.ts';
import { safeInteger } from './wire-field.ts';

/** One message of a Fetch: at most one page. */
export interface FetchResponse {
  /** Of the page, or of the next page when there is none. */
  readonly token: number;
  readonly page: Page | undefined;
  /** No page follows, ever. */
  readonly isLast: boolean;
}

/** ts-proto's definition of the service, but for the encoding of Fetch's answer. */
export const exchangeService = {
  ...ExchangeServiceService,
  fetch: {
    ...ExchangeServiceService.fetch,
    responseSerialize: encodeFetchResponse,
    responseDeserialize: decodeFetchResponse,
  },
} as const;

const TOKEN_TAG = 0x08;
const PAGE_TAG = 0x12;
const COMPLETE_TAG = 0x18;
/** Three tags, two varints of at most 8 and 5 bytes, one flag. */
const MAX_HEADER_BYTES = 17;

/**
 * A message that is not in one piece: a header and, by reference, the page. grpc-js asks a serialized message only
 * for its length and to copy itself behind the frame's first bytes, so the page is copied once and not twice.
 */
class FramedPage {
  readonly #header: Uint8Array;
  readonly #page: Uint8Array;

  constructor(header: Uint8Array, page: Uint8Array) {
    this.#header = header;
    this.#page = page;
  }

  get byteLength(): number {
    return this.#header.byteLength + this.#page.byteLength;
  }

  copy(target: Uint8Array, start: number): number {
    target.set(this.#header, start);
    target.set(this.#page, start + this.#header.byteLength);
    return this.byteLength;
  }
}

/** The fields in any order are the same message; the page comes last, behind a header of a few bytes. */
export function encodeFetchResponse({ token, page, isLast }: FetchResponse): Buffer {
  const header = Buffer.allocUnsafe(MAX_HEADER_BYTES);
  let at = 0;
  header[at++] = TOKEN_TAG;
  at = writeVarint(header, token, at);
  if (isLast) {
    header[at++] = COMPLETE_TAG;
    header[at++] = 1;
  }
  if (page === undefined) return header.subarray(0, at);
  header[at++] = PAGE_TAG;
  at = writeVarint(header, page.byteLength, at);
  return new FramedPage(header.subarray(0, at), new Uint8Array(page)) as unknown as Buffer;
}

function writeVarint(target: Uint8Array, value: number, start: number): number {
  let at = start;
  let rest = value;
  while (rest >= 0x80) {
    target[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  target[at++] = rest;
  return at;
}

/** The page gets memory of its own: aligned, transferable, and free of the rest of the message. */
export function decodeFetchResponse(bytes: Buffer): FetchResponse {
  const { token, page, bufferComplete } = WireFetchResponse.decode(bytes);
  return {
    token: safeInteger(token, 'token'),
    page: page.length === 0 ? undefined : new Uint8Array(page).buffer,
    isLast: bufferComplete,
  };
}

export function bufferAddressToWire({ location, ticket }: BufferAddress): WireBufferAccess {
  return {
    taskId: formatTaskId(location.taskId),
    outputIndex: location.outputIndex,
    bufferId: location.bufferId,
    capability: ticket.capability,
    nodeInstanceId: location.nodeInstanceId,
    principal: ticket.principal,
  };
}
