/** Arrow's extension types, and DuckDB's types that Arrow has no name for, as the type table names them. */
import { type Field } from 'apache-arrow/fb/field';
import { type BytesDatum } from '../logical/datum.ts';
import { bigEndian, littleEndian, signedInteger } from './bytes.ts';
import { type LeafStorage, type LeafType, within } from './leaf-type.ts';

/** What a field's storage means; one that names no extension, or an unknown one, is what its storage says. */
export function extensionType(field: Field, leaf: LeafType): LeafType {
  const extension = extensionOf(field);
  const { storage } = leaf;
  switch (extension) {
    case 'arrow.json':
      if (leaf.type.id !== 'VARCHAR') throw new Error('it is JSON and no text');
      return { ...leaf, type: { id: 'JSON' } };
    case 'arrow.bool8':
      expectStorage(leaf, 1);
      return { storage, type: { id: 'BOOLEAN' }, decode: ([byte]) => byte !== 0 };
    case 'arrow.uuid':
      expectStorage(leaf, 16);
      return { storage, type: { id: 'UUID' }, decode: storedUuid };
    case 'arrow.opaque':
      return opaqueType(opaqueName(field), leaf);
    case 'geoarrow.wkb':
      throw new Error(`the Arrow extension ${extension} is not supported`);
    default:
      return leaf;
  }
}

/** Structs and lists of DuckDB's that Arrow has no name for are none. */
export function expectNotOpaque(field: Field): void {
  if (extensionOf(field) === 'arrow.opaque') throw unknownType(opaqueName(field));
}

function extensionOf(field: Field): string | undefined {
  return metadataOf(field, 'ARROW:extension:name');
}

function unknownType(name: string): Error {
  return new Error(`the opaque Arrow type ${name} is not supported`);
}

/** More than any field has. */
const MAX_METADATA_ENTRIES = 1000;

function metadataOf(field: Field, key: string): string | undefined {
  const count = field.customMetadataLength();
  if (count > MAX_METADATA_ENTRIES) throw new Error('it has too much metadata');
  for (let index = 0; index < count; index += 1) {
    const entry = field.customMetadata(index);
    if (entry?.key() === key) return entry.value() ?? undefined;
  }
  return undefined;
}

function opaqueName(field: Field): string {
  const metadata: unknown = JSON.parse(metadataOf(field, 'ARROW:extension:metadata') ?? '{}');
  const fields = typeof metadata === 'object' && metadata !== null ? metadata : {};
  return 'type_name' in fields ? String(fields.type_name) : '';
}

function opaqueType(name: string, leaf: LeafType): LeafType {
  const { storage } = leaf;
  switch (name) {
    case 'hugeint':
      expectStorage(leaf, 16);
      return { storage, type: { id: 'HUGEINT' }, decode: signedInteger };
    case 'uhugeint':
      expectStorage(leaf, 16);
      return { storage, type: { id: 'UHUGEINT' }, decode: littleEndian };
    case 'time_tz':
      expectStorage(leaf, 8);
      return { storage, type: { id: 'TIME WITH TIME ZONE' }, decode: timeWithZone };
    case 'bit':
      return { storage, type: { id: 'BIT' }, decode: bitText };
    case 'bignum':
      return { storage, type: { id: 'BIGNUM' }, decode: bignumText };
    default:
      throw unknownType(name);
  }
}

function expectStorage({ storage }: LeafType, expected: LeafStorage): void {
  if (storage !== expected) throw new Error(`it is not stored in ${expected} bytes`);
}

/** Network order; DuckDB flips the sign bit, so that UUIDs sort as their text does. */
function storedUuid(bytes: Uint8Array): bigint {
  return BigInt.asIntN(128, bigEndian(bytes) ^ (1n << 127n));
}

const MICROS_PER_DAY = 86_400_000_000n;
const OFFSET_COUNT = 115_199n;

/** DuckDB packs microseconds above 24 bits that hold the offset, counted down from its largest one. */
function timeWithZone(bytes: Uint8Array): bigint {
  const bits = littleEndian(bytes);
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
