/**
 * Reads DuckDB's VARIANT storage: `values` names the type of each node of a value and where its bytes lie in
 * `data`; an object or array points into `children`, whose entries point to a key and to another node.
 */
import { type Data, TimeUnit } from 'apache-arrow';
import { binaryAt, childOf, decodeUtf8, viewOf } from './arrow-data.ts';
import { type Cell, NULL_CELL } from './cell.ts';
import { geometryText } from './geometry-text.ts';
import { bignumText, bitText, blobText, timeWithZoneText, uuidText } from './opaque-text.ts';
import {
  dateText,
  decimalText,
  doubleText,
  floatText,
  intervalText,
  timestampText,
  timeText,
  wideInteger,
} from './scalar-text.ts';

/** DuckDB's VariantLogicalType, in order. */
const NODE_TYPES = [
  'null',
  'true',
  'false',
  'int8',
  'int16',
  'int32',
  'int64',
  'int128',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'uint128',
  'float',
  'double',
  'decimal',
  'varchar',
  'blob',
  'uuid',
  'date',
  'time',
  'time_ns',
  'timestamp_s',
  'timestamp_ms',
  'timestamp',
  'timestamp_ns',
  'time_tz',
  'timestamp_tz',
  'interval',
  'object',
  'array',
  'bignum',
  'bit',
  'geometry',
] as const;
type NodeType = (typeof NODE_TYPES)[number];

/** A reader of one VARIANT column of one batch. */
export function variantReader(data: Data): (row: number) => Cell {
  const [keys, children, values] = [childOf(data, 0), childOf(data, 1), childOf(data, 2)];
  const [child, value] = [childOf(children, 0), childOf(values, 0)];
  const [keyNames, bytes] = [childOf(keys, 0), childOf(data, 3)];
  return (row) => {
    const [firstKey, firstChild, firstNode] = [keys, children, values].map(
      (list) => (list.valueOffsets as Int32Array)[row] ?? 0,
    ) as [number, number, number];
    const root = new Variant({
      bytes: binaryAt(bytes, row),
      typeOf: (node) => NODE_TYPES[elementOf(value, 0, firstNode + node)] ?? 'null',
      offsetOf: (node) => elementOf(value, 1, firstNode + node),
      keyOf: (entry) =>
        decodeUtf8(binaryAt(keyNames, firstKey + elementOf(child, 0, firstChild + entry))),
      nodeOf: (entry) => elementOf(child, 1, firstChild + entry),
    }).cell(0);
    return root.kind === 'null' ? NULL_CELL : { kind: 'variant', value: root };
  };
}

function elementOf(structs: Data, field: number, row: number): number {
  return (childOf(structs, field).values as Uint32Array)[row] ?? 0;
}

interface VariantNodes {
  readonly bytes: Uint8Array;
  typeOf(node: number): NodeType;
  /** Where the node's bytes begin. */
  offsetOf(node: number): number;
  keyOf(entry: number): string;
  nodeOf(entry: number): number;
}

const number = (text: string | number | bigint): Cell => ({ kind: 'number', text: String(text) });
const text = (value: string): Cell => ({ kind: 'text', text: value });

class Variant {
  readonly #nodes: VariantNodes;
  readonly #view: DataView;

  constructor(nodes: VariantNodes) {
    this.#nodes = nodes;
    this.#view = viewOf(nodes.bytes);
  }

  cell(node: number): Cell {
    const type = this.#nodes.typeOf(node);
    switch (type) {
      case 'null':
        return NULL_CELL;
      case 'true':
      case 'false':
        return { kind: 'boolean', text: type };
      case 'array':
        return this.#array(node);
      case 'object':
        return this.#object(node);
      default:
        return this.#number(type, this.#nodes.offsetOf(node)) ?? this.#text(type, node);
    }
  }

  /** An array of one type is a list of it to DuckDB; any other is a list of variants, which are not quoted. */
  #array(node: number): Cell {
    const children = this.#entries(node).map((entry) => this.#nodes.nodeOf(entry));
    const types = new Set(children.map((child) => this.#nodes.typeOf(child)));
    return {
      kind: 'list',
      items: children.map((child) => this.cell(child)),
      quoted: types.size === 1,
    };
  }

  #object(node: number): Cell {
    const fields = this.#entries(node).map(
      (entry) => [this.#nodes.keyOf(entry), this.cell(this.#nodes.nodeOf(entry))] as const,
    );
    return fields.length === 0 ? { kind: 'map', entries: [] } : { kind: 'struct', fields };
  }

  #entries(node: number): readonly number[] {
    const count = this.#varint(this.#nodes.offsetOf(node));
    const first = count.value === 0 ? 0 : this.#varint(count.end).value;
    return Array.from({ length: count.value }, (_, index) => first + index);
  }

  #number(type: NodeType, at: number): Cell | undefined {
    const view = this.#view;
    switch (type) {
      case 'int8':
        return number(view.getInt8(at));
      case 'int16':
        return number(view.getInt16(at, true));
      case 'int32':
        return number(view.getInt32(at, true));
      case 'int64':
        return number(view.getBigInt64(at, true));
      case 'int128':
        return number(wideInteger(view, at, 'signed'));
      case 'uint8':
        return number(view.getUint8(at));
      case 'uint16':
        return number(view.getUint16(at, true));
      case 'uint32':
        return number(view.getUint32(at, true));
      case 'uint64':
        return number(view.getBigUint64(at, true));
      case 'uint128':
        return number(wideInteger(view, at, 'unsigned'));
      case 'float':
        return number(floatText(view.getFloat32(at, true)));
      case 'double':
        return number(doubleText(view.getFloat64(at, true)));
      case 'decimal':
        return number(this.#decimal(at));
      case 'bignum':
        return number(bignumText(this.#blob(at)));
      default:
        return undefined;
    }
  }

  #text(type: NodeType, node: number): Cell {
    const at = this.#nodes.offsetOf(node);
    switch (type) {
      case 'varchar':
        return text(decodeUtf8(this.#blob(at)));
      case 'blob':
        return text(blobText(this.#blob(at)));
      case 'bit':
        return text(bitText(this.#blob(at)));
      case 'geometry':
        return text(geometryText(this.#blob(at)));
      case 'uuid':
        return text(this.#uuid(at));
      case 'interval':
        return text(this.#interval(at));
      default:
        return text(this.#moment(type, at));
    }
  }

  #moment(type: NodeType, at: number): string {
    const ticks = (): bigint => this.#view.getBigInt64(at, true);
    switch (type) {
      case 'date':
        return dateText(this.#view.getInt32(at, true));
      case 'time':
        return timeText(ticks(), TimeUnit.MICROSECOND);
      case 'time_ns':
        return timeText(ticks(), TimeUnit.NANOSECOND);
      case 'time_tz':
        return timeWithZoneText(this.#view.getBigUint64(at, true));
      case 'timestamp_s':
        return timestampText(ticks(), TimeUnit.SECOND);
      case 'timestamp_ms':
        return timestampText(ticks(), TimeUnit.MILLISECOND);
      case 'timestamp':
        return timestampText(ticks(), TimeUnit.MICROSECOND);
      case 'timestamp_ns':
        return timestampText(ticks(), TimeUnit.NANOSECOND);
      case 'timestamp_tz':
        return timestampText(ticks(), TimeUnit.MICROSECOND, '+00');
      default:
        throw new Error(`no text form for VARIANT ${type}`);
    }
  }

  #interval(at: number): string {
    const months = this.#view.getInt32(at, true);
    const days = this.#view.getInt32(at + 4, true);
    return intervalText(months, days, this.#view.getBigInt64(at + 8, true));
  }

  /** Width and scale, then the digits in the smallest integer that holds so many. */
  #decimal(at: number): string {
    const width = this.#varint(at);
    const scale = this.#varint(width.end);
    const type = { precision: width.value, scale: scale.value };
    if (width.value <= 4) return decimalText(BigInt(this.#view.getInt16(scale.end, true)), type);
    if (width.value <= 9) return decimalText(BigInt(this.#view.getInt32(scale.end, true)), type);
    if (width.value <= 18) return decimalText(this.#view.getBigInt64(scale.end, true), type);
    return decimalText(wideInteger(this.#view, scale.end, 'signed'), type);
  }

  /** A hugeint whose order is that of the texts: its sign bit is flipped. */
  #uuid(at: number): string {
    const bytes = this.#nodes.bytes.slice(at, at + 16).reverse();
    bytes[0] = (bytes[0] ?? 0) ^ 0x80;
    return uuidText(bytes);
  }

  #blob(at: number): Uint8Array {
    const { value, end } = this.#varint(at);
    return this.#nodes.bytes.subarray(end, end + value);
  }

  #varint(at: number): { readonly value: number; readonly end: number } {
    let value = 0;
    for (let end = at, scale = 1; ; end += 1, scale *= 128) {
      const byte = this.#view.getUint8(end);
      value += (byte & 127) * scale;
      if (byte < 128) return { value, end: end + 1 };
    }
  }
}
