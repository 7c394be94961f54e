/**
 * An Arrow IPC stream taken apart. Written for streams that anyone may send: the Arrow library's own reader makes
 * as many objects as a stream claims to have, so a few bytes could fill the memory of the process.
 */
import { DictionaryBatch } from 'apache-arrow/fb/dictionary-batch';
import { Endianness } from 'apache-arrow/fb/endianness';
import { type Field } from 'apache-arrow/fb/field';
import { Message } from 'apache-arrow/fb/message';
import { MessageHeader } from 'apache-arrow/fb/message-header';
import { MetadataVersion } from 'apache-arrow/fb/metadata-version';
import { RecordBatch } from 'apache-arrow/fb/record-batch';
import { Schema } from 'apache-arrow/fb/schema';
import { ByteBuffer } from 'flatbuffers';

/** The metadata of a batch, and the bytes that its buffers are parts of. */
export interface ArrowBatch {
  readonly batch: RecordBatch;
  readonly body: Uint8Array;
}

/** The values of each dictionary, which may come in several batches. */
export type Dictionaries = ReadonlyMap<bigint, readonly ArrowBatch[]>;

/** A batch with rows, and the dictionaries as they are there. */
export interface ArrowRows extends ArrowBatch {
  readonly dictionaries: Dictionaries;
}

export interface ArrowStream {
  readonly fields: readonly Field[];
  readonly rows: readonly ArrowRows[];
}

/** @throws Error for bytes that are no such stream */
export function readStream(stream: Uint8Array): ArrowStream {
  const [first, ...others] = messagesOf(stream);
  if (first?.message.headerType() !== MessageHeader.Schema) throw new Error('it has no schema');
  const dictionaries = new Map<bigint, readonly ArrowBatch[]>();
  const rows: ArrowRows[] = [];
  for (const { message, body } of others) {
    switch (message.headerType()) {
      case MessageHeader.DictionaryBatch: {
        const header = headerOf(message, new DictionaryBatch());
        const before = header.isDelta() ? (dictionaries.get(header.id()) ?? []) : [];
        const batch = checkedBatch(header.data());
        dictionaries.set(header.id(), [...before, { batch, body }]);
        break;
      }
      case MessageHeader.RecordBatch: {
        const batch = checkedBatch(headerOf(message, new RecordBatch()));
        if (batch.length() === 0n) break;
        rows.push({ batch, body, dictionaries: new Map(dictionaries) });
        break;
      }
      default:
        throw new Error('it has a message of another kind');
    }
  }
  return { fields: fieldsOf(first), rows };
}

interface IpcMessage {
  readonly message: Message;
  readonly metadataBytes: number;
  readonly body: Uint8Array;
}

const CONTINUATION = -1;
const PREFIX_BYTES = 4;
/** Far more than a row of parameters needs; what metadata can claim is bounded by their size. */
const MAX_METADATA_BYTES = 256 * 1024;

/** Up to the end marker, or the end of the bytes. */
function* messagesOf(stream: Uint8Array): Generator<IpcMessage, void, void> {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  let offset = 0;
  while (offset < stream.byteLength) {
    const first = view.getInt32(offset, true);
    const isMarked = first === CONTINUATION;
    const metadataBytes = isMarked ? view.getInt32(offset + PREFIX_BYTES, true) : first;
    if (metadataBytes === 0) return;
    offset += isMarked ? 2 * PREFIX_BYTES : PREFIX_BYTES;
    if (metadataBytes > MAX_METADATA_BYTES) throw new Error('its metadata are too long');
    const metadata = part(stream, offset, metadataBytes);
    const message = Message.getRootAsMessage(new ByteBuffer(metadata));
    if (message.version() < MetadataVersion.V4) throw new Error('it is of an old version');
    offset += metadataBytes;
    const body = part(stream, offset, Number(message.bodyLength()));
    offset += body.length;
    yield { message, metadataBytes, body };
  }
}

/** @throws Error for a part that is not inside the bytes */
export function part(bytes: Uint8Array, offset: number, length: number): Uint8Array {
  if (!(offset >= 0 && length >= 0 && offset + length <= bytes.byteLength)) {
    throw new Error('a part of it is missing');
  }
  return bytes.subarray(offset, offset + length);
}

function headerOf<T>(message: Message, into: T): T {
  const header = message.header(into) as T | null;
  if (header === null) throw new Error('a message of it has no header');
  return header;
}

function checkedBatch(batch: RecordBatch | null): RecordBatch {
  if (batch === null) throw new Error('a message of it has no batch');
  if (batch.compression() !== null) throw new Error('it is compressed');
  return batch;
}

function fieldsOf({ message, metadataBytes }: IpcMessage): readonly Field[] {
  const schema = headerOf(message, new Schema());
  if (schema.endianness() !== Endianness.Little) throw new Error('it is big-endian');
  const count = schema.fieldsLength();
  // Each of them has an offset in the metadata.
  if (count > metadataBytes / PREFIX_BYTES) throw new Error('a part of it is missing');
  return Array.from({ length: Math.max(0, count) }, (_, index) => {
    const field = schema.fields(index);
    if (field === null) throw new Error('a field of it is missing');
    return field;
  });
}
