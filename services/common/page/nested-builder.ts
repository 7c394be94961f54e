/** Growing nested columns: they own their validity and offsets, and pass rows on to their children. */
import { BitmapBuilder, type RowRange } from './bitmap.ts';
import {
  BooleanBuilder,
  BytesBuilder,
  type ColumnBuilder,
  consecutiveRows,
  FixedBuilder,
  NullBuilder,
  withOffsetRoom,
  withRoom,
} from './column-builder.ts';
import type {
  ArrayColumn,
  ColumnVector,
  ListColumn,
  StructColumn,
  UnionColumn,
} from './column-vector.ts';
import { padTo8 } from './page.ts';
import type { BatchLayout } from './record-batch-message.ts';
import type { Storage } from './storage.ts';

export function createColumnBuilder(storage: Storage): ColumnBuilder {
  switch (storage.kind) {
    case 'null':
      return new NullBuilder();
    case 'fixed':
      return new FixedBuilder(storage.byteWidth);
    case 'boolean':
      return new BooleanBuilder();
    case 'bytes':
      return new BytesBuilder();
    case 'list':
      return new ListBuilder(createColumnBuilder(storage.item));
    case 'array':
      return new ArrayBuilder(storage.size, createColumnBuilder(storage.item));
    case 'struct':
      return new StructBuilder(storage.fields.map(createColumnBuilder));
    case 'union':
      return new UnionBuilder(storage.members.map(createColumnBuilder));
  }
}

class ListBuilder implements ColumnBuilder<ListColumn> {
  readonly #item: ColumnBuilder;
  readonly #validity = new BitmapBuilder();
  #offsets = new Int32Array(65);
  #rowCount = 0;

  constructor(item: ColumnBuilder) {
    this.#item = item;
  }

  get byteLength(): number {
    const ownBytes = padTo8(this.#validity.byteLength) + padTo8((this.#rowCount + 1) * 4);
    return ownBytes + this.#item.byteLength;
  }

  appendRange(source: ListColumn, from: number, to: number): void {
    if (from === to) return;
    if (!source.contiguous) {
      this.appendRows(source, consecutiveRows(from, to), { from: 0, to: to - from });
      return;
    }
    const { starts, ends } = source;
    this.#offsets = withOffsetRoom(this.#offsets, this.#rowCount, to - from);
    const shift = this.#offsets[this.#rowCount]! - starts[from]!;
    for (let row = from; row < to; row += 1) this.#offsets[++this.#rowCount] = ends[row]! + shift;
    this.#validity.appendRange(source.validity, from, to);
    this.#item.appendRange(source.item, starts[from]!, ends[to - 1]!);
  }

  appendRows(source: ListColumn, rows: Int32Array, range: RowRange): void {
    const { starts, ends } = source;
    this.#offsets = withOffsetRoom(this.#offsets, this.#rowCount, range.to - range.from);
    const first = this.#offsets[this.#rowCount]!;
    let end = first;
    for (let index = range.from; index < range.to; index += 1) {
      const row = rows[index]!;
      end += ends[row]! - starts[row]!;
      this.#offsets[++this.#rowCount] = end;
    }
    this.#validity.appendRows(source.validity, rows, range);
    const items = new Int32Array(end - first);
    let at = 0;
    for (let index = range.from; index < range.to; index += 1) {
      const row = rows[index]!;
      for (let item = starts[row]!; item < ends[row]!; item += 1) items[at++] = item;
    }
    this.#item.appendRows(source.item, items, { from: 0, to: at });
  }

  collect(layout: BatchLayout): void {
    layout.nodes.push({ rowCount: this.#rowCount, nullCount: this.#validity.zeroCount });
    const offsets = new Uint8Array(this.#offsets.buffer, 0, (this.#rowCount + 1) * 4);
    layout.buffers.push(this.#validity.finish(), offsets);
    this.#item.collect(layout);
  }

  reset(): void {
    this.#rowCount = 0;
    this.#validity.reset();
    this.#item.reset();
  }
}

class ArrayBuilder implements ColumnBuilder<ArrayColumn> {
  readonly #size: number;
  readonly #item: ColumnBuilder;
  readonly #validity = new BitmapBuilder();
  #rowCount = 0;

  constructor(size: number, item: ColumnBuilder) {
    this.#size = size;
    this.#item = item;
  }

  get byteLength(): number {
    return padTo8(this.#validity.byteLength) + this.#item.byteLength;
  }

  appendRange(source: ArrayColumn, from: number, to: number): void {
    this.#validity.appendRange(source.validity, from, to);
    this.#item.appendRange(source.item, from * this.#size, to * this.#size);
    this.#rowCount += to - from;
  }

  appendRows(source: ArrayColumn, rows: Int32Array, range: RowRange): void {
    this.#validity.appendRows(source.validity, rows, range);
    const items = new Int32Array((range.to - range.from) * this.#size);
    let at = 0;
    for (let index = range.from; index < range.to; index += 1) {
      const first = rows[index]! * this.#size;
      for (let offset = 0; offset < this.#size; offset += 1) items[at++] = first + offset;
    }
    this.#item.appendRows(source.item, items, { from: 0, to: at });
    this.#rowCount += range.to - range.from;
  }

  collect(layout: BatchLayout): void {
    layout.nodes.push({ rowCount: this.#rowCount, nullCount: this.#validity.zeroCount });
    layout.buffers.push(this.#validity.finish());
    this.#item.collect(layout);
  }

  reset(): void {
    this.#rowCount = 0;
    this.#validity.reset();
    this.#item.reset();
  }
}

class StructBuilder implements ColumnBuilder<StructColumn> {
  readonly #fields: readonly ColumnBuilder[];
  readonly #validity = new BitmapBuilder();
  #rowCount = 0;

  constructor(fields: readonly ColumnBuilder[]) {
    this.#fields = fields;
  }

  get byteLength(): number {
    return padTo8(this.#validity.byteLength) + totalBytes(this.#fields);
  }

  appendRange(source: StructColumn, from: number, to: number): void {
    this.#validity.appendRange(source.validity, from, to);
    appendRangeToEach(this.#fields, source.fields, { from, to });
    this.#rowCount += to - from;
  }

  appendRows(source: StructColumn, rows: Int32Array, range: RowRange): void {
    this.#validity.appendRows(source.validity, rows, range);
    for (const [index, field] of this.#fields.entries()) {
      field.appendRows(source.fields[index]!, rows, range);
    }
    this.#rowCount += range.to - range.from;
  }

  collect(layout: BatchLayout): void {
    layout.nodes.push({ rowCount: this.#rowCount, nullCount: this.#validity.zeroCount });
    layout.buffers.push(this.#validity.finish());
    for (const field of this.#fields) field.collect(layout);
  }

  reset(): void {
    this.#rowCount = 0;
    this.#validity.reset();
    for (const field of this.#fields) field.reset();
  }
}

class UnionBuilder implements ColumnBuilder<UnionColumn> {
  readonly #members: readonly ColumnBuilder[];
  #tags = new Uint8Array(64);
  #rowCount = 0;

  constructor(members: readonly ColumnBuilder[]) {
    this.#members = members;
  }

  get byteLength(): number {
    return padTo8(this.#rowCount) + totalBytes(this.#members);
  }

  appendRange(source: UnionColumn, from: number, to: number): void {
    this.#tags = withRoom(this.#tags, this.#rowCount, to - from);
    this.#tags.set(source.tags.subarray(from, to), this.#rowCount);
    appendRangeToEach(this.#members, source.members, { from, to });
    this.#rowCount += to - from;
  }

  appendRows(source: UnionColumn, rows: Int32Array, range: RowRange): void {
    this.#tags = withRoom(this.#tags, this.#rowCount, range.to - range.from);
    for (let index = range.from; index < range.to; index += 1) {
      this.#tags[this.#rowCount++] = source.tags[rows[index]!]!;
    }
    for (const [index, member] of this.#members.entries()) {
      member.appendRows(source.members[index]!, rows, range);
    }
  }

  collect(layout: BatchLayout): void {
    layout.nodes.push({ rowCount: this.#rowCount, nullCount: 0 });
    layout.buffers.push(this.#tags.subarray(0, this.#rowCount));
    for (const member of this.#members) member.collect(layout);
  }

  reset(): void {
    this.#rowCount = 0;
    for (const member of this.#members) member.reset();
  }
}

function appendRangeToEach(
  builders: readonly ColumnBuilder[],
  sources: readonly ColumnVector[],
  range: RowRange,
): void {
  for (const [index, builder] of builders.entries()) {
    builder.appendRange(sources[index]!, range.from, range.to);
  }
}

function totalBytes(builders: readonly ColumnBuilder[]): number {
  let total = 0;
  for (const builder of builders) total += builder.byteLength;
  return total;
}
