/** Arrow IPC record batch messages: the metadata of a page, written and read. */
import { MetadataVersion } from 'apache-arrow/fb/metadata-version';
import { Message } from 'apache-arrow/fb/message';
import { MessageHeader } from 'apache-arrow/fb/message-header';
import { RecordBatch } from 'apache-arrow/fb/record-batch';
import { FieldNode } from 'apache-arrow/fb/field-node';
import { Buffer as BufferRange } from 'apache-arrow/fb/buffer';
import { Builder, ByteBuffer, type Offset } from 'flatbuffers';
import { EngineError } from '../error.ts';
import { padTo8, type Page } from './page.ts';

/** A column, nested ones before their children. */
export interface BatchNode {
  readonly rowCount: number;
  readonly nullCount: number;
}

/** Nodes and buffers of a record batch, depth first. */
export interface BatchLayout {
  readonly nodes: BatchNode[];
  readonly buffers: Uint8Array[];
}

export interface RecordBatchMessage extends BatchLayout {
  readonly rowCount: number;
}

/** Bytes before the metadata: the continuation marker and the metadata's length. */
export const PREFIX_BYTES = 8;
const CONTINUATION = 0xffffffff;
/** A node and a buffer's range each are two 64-bit numbers in the metadata. */
const STRUCT_BYTES = 16;

export function encodeRecordBatch(batch: RecordBatchMessage): Page {
  let bodyBytes = 0;
  for (const buffer of batch.buffers) bodyBytes += padTo8(buffer.byteLength);
  const metadata = encodeMetadata(batch, bodyBytes);
  const bodyStart = PREFIX_BYTES + padTo8(metadata.byteLength);
  const page = new ArrayBuffer(bodyStart + bodyBytes);
  writePrefix(page, bodyStart - PREFIX_BYTES);
  const bytes = new Uint8Array(page);
  bytes.set(metadata, PREFIX_BYTES);
  let at = bodyStart;
  for (const buffer of batch.buffers) {
    bytes.set(buffer, at);
    at += padTo8(buffer.byteLength);
  }
  return page;
}

/** Wraps metadata of a message without a body (a schema) in its encapsulated form. */
export function encapsulate(metadata: Uint8Array): Uint8Array {
  const padded = padTo8(metadata.byteLength);
  const message = new Uint8Array(PREFIX_BYTES + padded);
  writePrefix(message.buffer, padded);
  message.set(metadata, PREFIX_BYTES);
  return message;
}

function writePrefix(buffer: ArrayBuffer, metadataBytes: number): void {
  const view = new DataView(buffer);
  view.setUint32(0, CONTINUATION, true);
  view.setInt32(4, metadataBytes, true);
}

function encodeMetadata(batch: RecordBatchMessage, bodyBytes: number): Uint8Array {
  const builder = new Builder(256 + batch.nodes.length * 16 + batch.buffers.length * 16);
  const buffers = encodeBuffers(builder, batch.buffers, bodyBytes);
  RecordBatch.startNodesVector(builder, batch.nodes.length);
  for (const node of batch.nodes.toReversed()) {
    FieldNode.createFieldNode(builder, BigInt(node.rowCount), BigInt(node.nullCount));
  }
  const nodes = builder.endVector();
  RecordBatch.startRecordBatch(builder);
  RecordBatch.addLength(builder, BigInt(batch.rowCount));
  RecordBatch.addNodes(builder, nodes);
  RecordBatch.addBuffers(builder, buffers);
  const header = RecordBatch.endRecordBatch(builder);
  return finishMessage(builder, { headerType: MessageHeader.RecordBatch, header, bodyBytes });
}

/** Flatbuffers vectors are built from their end. */
function encodeBuffers(
  builder: Builder,
  buffers: readonly Uint8Array[],
  bodyBytes: number,
): Offset {
  RecordBatch.startBuffersVector(builder, buffers.length);
  let end = bodyBytes;
  for (const buffer of buffers.toReversed()) {
    end -= padTo8(buffer.byteLength);
    BufferRange.createBuffer(builder, BigInt(end), BigInt(buffer.byteLength));
  }
  return builder.endVector();
}

/** Closes a message around its header. */
export function finishMessage(
  builder: Builder,
  message: {
    readonly headerType: MessageHeader;
    readonly header: Offset;
    readonly bodyBytes: number;
  },
): Uint8Array {
  const { headerType, header, bodyBytes } = message;
  Message.startMessage(builder);
  Message.addVersion(builder, MetadataVersion.V5);
  Message.addHeaderType(builder, headerType);
  Message.addHeader(builder, header);
  Message.addBodyLength(builder, BigInt(bodyBytes));
  Message.finishMessageBuffer(builder, Message.endMessage(builder));
  return builder.asUint8Array();
}

/**
 * Reads a page's metadata; the buffers are views of the page. Checks that the page is as long as it says
 * and that every buffer lies inside it, else PAGE_CORRUPT.
 */
export function decodeRecordBatch(page: Page): RecordBatchMessage {
  const { batch, bodyStart, bodyBytes } = readHeader(page);
  const longest = bodyStart / STRUCT_BYTES;
  if (batch.nodesLength() > longest || batch.buffersLength() > longest) {
    throw corrupt('metadata are longer than the page');
  }
  const nodes: BatchNode[] = [];
  for (let index = 0; index < batch.nodesLength(); index += 1) {
    const node = batch.nodes(index)!;
    nodes.push({ rowCount: Number(node.length()), nullCount: Number(node.nullCount()) });
  }
  const buffers: Uint8Array[] = [];
  for (let index = 0; index < batch.buffersLength(); index += 1) {
    const range = batch.buffers(index)!;
    const offset = Number(range.offset());
    const byteLength = Number(range.length());
    if (offset % 8 !== 0 || byteLength < 0 || offset < 0 || offset + byteLength > bodyBytes) {
      throw corrupt(`buffer ${index} lies outside of the page`);
    }
    buffers.push(new Uint8Array(page, bodyStart + offset, byteLength));
  }
  return { rowCount: Number(batch.length()), nodes, buffers };
}

/** Rows of a page, without reading its columns. */
export function pageRowCount(page: Page): number {
  return Number(readHeader(page).batch.length());
}

function readHeader(page: Page): {
  readonly batch: RecordBatch;
  readonly bodyStart: number;
  readonly bodyBytes: number;
} {
  if (page.byteLength < PREFIX_BYTES) throw corrupt('no room for a header');
  const view = new DataView(page);
  const metadataBytes = view.getInt32(4, true);
  const bodyStart = PREFIX_BYTES + metadataBytes;
  if (view.getUint32(0, true) !== CONTINUATION || metadataBytes <= 0) {
    throw corrupt('not an Arrow message');
  }
  if (bodyStart % 8 !== 0 || bodyStart > page.byteLength) throw corrupt('metadata are cut off');
  const metadata = new ByteBuffer(new Uint8Array(page, PREFIX_BYTES, metadataBytes));
  const message = Message.getRootAsMessage(metadata);
  const batch: unknown = message.header(new RecordBatch());
  if (message.headerType() !== MessageHeader.RecordBatch || !(batch instanceof RecordBatch)) {
    throw corrupt('not a record batch');
  }
  const bodyBytes = Number(message.bodyLength());
  if (bodyStart + bodyBytes !== page.byteLength) throw corrupt('the body has another length');
  return { batch, bodyStart, bodyBytes };
}

export function corrupt(reason: string): EngineError {
  return new EngineError('PAGE_CORRUPT', `corrupt page: ${reason}`);
}
