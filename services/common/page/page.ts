/**
 * A page: one Arrow record batch of one table, on the wire, between threads and on disk. It is ONE
 * ArrayBuffer holding one encapsulated Arrow IPC message (FFFFFFFF, int32 metadata length, the metadata
 * padded to 8, the body with its buffers padded to 8), so it can be transferred without a copy and
 * forwarded to clients as part of an Arrow IPC stream as it is.
 */
export type Page = ArrayBuffer;

/** What page builders aim at, in bytes; the best size for gRPC streams in Node. */
export const TARGET_PAGE_BYTES = 1 << 20;

/** Pads a length to the 8 bytes that Arrow aligns to. */
export function padTo8(byteLength: number): number {
  return (byteLength + 7) & ~7;
}
