/**
 * The resume token of a result (design: result tokens). It holds all that is needed to continue exactly behind
 * it, so any gateway can: the attempt, and for each root task how many of its pages lie before the token.
 *
 * Layout: version byte, flags byte (1 = complete), 4 bytes of a hash of the query's id, then LEB128 numbers:
 * attempt, count, and count pairs of (partition, page token) in ascending order of partitions. Opaque to clients.
 */
import { EngineError } from '../../common/error.ts';
import { hashText } from '../../common/hash-text.ts';
import type { PartitionId } from '../../common/ids.ts';

export interface ResultToken {
  readonly queryId: string;
  readonly attempt: number;
  /** Root task → token of its first page behind this point; a task that is missing stands at 0. */
  readonly pages: ReadonlyMap<PartitionId, number>;
  /** All of the result, its end marker included, lies before this token. */
  readonly complete: boolean;
}

const VERSION = 1;
const COMPLETE = 1;
/** More than any plan has root tasks; bounds what a forged token can cost. */
const MAX_ENTRIES = 100_000;

export function encodeResultToken(token: ResultToken): Uint8Array {
  const bytes: number[] = [VERSION, token.complete ? COMPLETE : 0, ...hashOf(token.queryId)];
  const entries = [...token.pages].toSorted(([a], [b]) => a - b);
  pushNumber(bytes, token.attempt);
  pushNumber(bytes, entries.length);
  for (const [partition, page] of entries) {
    pushNumber(bytes, partition);
    pushNumber(bytes, page);
  }
  return Uint8Array.from(bytes);
}

/** @throws EngineError RESULT_TOKEN_INVALID for bytes that no gateway has made for this query. */
export function decodeResultToken(bytes: Uint8Array, queryId: string): ResultToken {
  if (bytes[0] !== VERSION || (bytes[1] ?? 2) > COMPLETE) throw invalid();
  const hash = hashOf(queryId);
  if (hash.some((byte, i) => byte !== bytes[2 + i])) throw invalid();
  const reader = { bytes, offset: 2 + hash.length };
  const attempt = readNumber(reader);
  const count = readNumber(reader);
  if (count > MAX_ENTRIES) throw invalid();
  const pages = new Map<PartitionId, number>();
  for (let i = 0; i < count; i += 1) {
    const partition = readNumber(reader) as PartitionId;
    pages.set(partition, readNumber(reader));
  }
  if (reader.offset !== bytes.length || pages.size !== count) throw invalid();
  return { queryId, attempt, pages, complete: bytes[1] === COMPLETE };
}

/** Tells a token of another query, whose pages would be a gap here. */
function hashOf(queryId: string): readonly number[] {
  const hash = hashText(queryId);
  return [hash & 255, (hash >>> 8) & 255, (hash >>> 16) & 255, hash >>> 24];
}

function pushNumber(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}

function readNumber(reader: { readonly bytes: Uint8Array; offset: number }): number {
  let value = 0;
  for (let scale = 1; scale <= Number.MAX_SAFE_INTEGER; scale *= 128) {
    const byte = reader.bytes[reader.offset];
    if (byte === undefined) throw invalid();
    reader.offset += 1;
    value += (byte & 127) * scale;
    if (!Number.isSafeInteger(value)) throw invalid();
    if (byte < 128) return value;
  }
  throw invalid();
}

function invalid(): EngineError {
  return new EngineError(
    'RESULT_TOKEN_INVALID',
    'the result token is not one that this service has given for the query; start again with an empty token',
  );
}
