/** Arrow's extension types, and DuckDB's types that Arrow has no name for, as the type table names them. */
import { type Data, DataType, type Field } from 'apache-arrow';
import { type BytesDatum } from '../logical/datum.ts';
import {
  bigEndian,
  fixedBytesAt,
  integerAt,
  littleEndian,
  textAt,
  variableBytesAt,
  viewOf,
} from './arrow-bytes.ts';
import { within } from './arrow-scalar.ts';
import { type ArrowReader } from './arrow-type.ts';

/** The reader of an extension type; undefined for a field that has none, or one that says no more than its storage. */
export function extensionReader(field: Field, data: Data): ArrowReader | undefined {
  const name = field.metadata.get('ARROW:extension:name');
  switch (name) {
    case 'arrow.json':
      return { type: { id: 'JSON' }, read: (row) => textAt(data, row) };
    case 'arrow.bool8':
      return { type: { id: 'BOOLEAN' }, read: (row) => integerAt(data, row) !== 0n };
    case 'arrow.uuid': {
      expectWidth(data, 16);
      return { type: { id: 'UUID' }, read: (row) => storedUuid(fixedBytesAt(data, row, 16)) };
    }
    case 'arrow.opaque':
      return opaqueReader(opaqueName(field), data);
    case 'geoarrow.wkb':
      throw new Error(`the Arrow extension ${name} is not supported`);
    default:
      return undefined;
  }
}

function opaqueName(field: Field): string {
  const metadata: unknown = JSON.parse(field.metadata.get('ARROW:extension:metadata') ?? '{}');
  const fields = typeof metadata === 'object' && metadata !== null ? metadata : {};
  return 'type_name' in fields ? String(fields.type_name) : '';
}

function opaqueReader(name: string, data: Data): ArrowReader {
  switch (name) {
    case 'hugeint':
      expectWidth(data, 16);
      return {
        type: { id: 'HUGEINT' },
        read: (row) => BigInt.asIntN(128, littleEndian(fixedBytesAt(data, row, 16))),
      };
    case 'uhugeint':
      expectWidth(data, 16);
      return {
        type: { id: 'UHUGEINT' },
        read: (row) => littleEndian(fixedBytesAt(data, row, 16)),
      };
    case 'time_tz':
      expectWidth(data, 8);
      return {
        type: { id: 'TIME WITH TIME ZONE' },
        read: (row) => timeWithZone(viewOf(fixedBytesAt(data, row, 8)).getBigUint64(0, true)),
      };
    case 'bit':
      return { type: { id: 'BIT' }, read: (row) => bitText(variableBytesAt(data, row)) };
    case 'bignum':
      return { type: { id: 'BIGNUM' }, read: (row) => bignumText(variableBytesAt(data, row)) };
    default:
      throw new Error(`the opaque Arrow type ${name} is not supported`);
  }
}

function expectWidth({ type }: Data, byteWidth: number): void {
  if (DataType.isFixedSizeBinary(type) && type.byteWidth === byteWidth) return;
  throw new Error(`it has the Arrow type ${String(type)}, not ${byteWidth} bytes`);
}

/** Network order; DuckDB flips the sign bit, so that UUIDs sort as their text does. */
function storedUuid(bytes: Uint8Array): bigint {
  return BigInt.asIntN(128, bigEndian(bytes) ^ (1n << 127n));
}

const MICROS_PER_DAY = 86_400_000_000n;
const OFFSET_COUNT = 115_199n;

/** DuckDB packs microseconds above 24 bits that hold the offset, counted down from its largest one. */
function timeWithZone(bits: bigint): bigint {
  within(bits >> 24n, 0n, MICROS_PER_DAY);
  within(bits & 0xff_ffffn, 0n, OFFSET_COUNT - 1n);
  return bits;
}

/** The first byte counts the padding bits at the front of the second. */
function bitText(bytes: Uint8Array): BytesDatum {
  const [padding = 8, ...rest] = bytes;
  if (padding > 7 || rest.length === 0) throw new Error('it is no BIT');
  const bits = rest.map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return { kind: 'bytes', text: bits.slice(padding) };
}

/** 3 bytes of header (top bit = positive), then the magnitude; of a negative number all bytes are inverted. */
function bignumText(bytes: Uint8Array): BytesDatum {
  const [header] = bytes;
  if (header === undefined || bytes.length < 4) throw new Error('it is no BIGNUM');
  const isPositive = (header & 0x80) !== 0;
  const magnitude = bigEndian(bytes.subarray(3).map((byte) => (isPositive ? byte : byte ^ 0xff)));
  return { kind: 'bytes', text: String(isPositive ? magnitude : -magnitude) };
}
