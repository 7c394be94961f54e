/**
 * What a fragment's rows say of join keys (scheduling.md §7). Counts and bounds come from the statement itself, as
 * aggregates beside the emitted rows; hashes and distinct values are taken here, where the rows pass anyway.
 */
import type duckdb from '@duckdb/node-bindings';
import { exchangeReader } from '../../common/duckdb/result-reader.ts';
import { readData } from '../../common/duckdb/vector-memory.ts';
import { addHashes, emptyBloom } from '../../common/dynamic-filter/bloom-filter.ts';
import type { CollectedDomain, CollectedKey } from '../../common/dynamic-filter/dynamic-filter.ts';
import {
  compareKeys,
  keyFormOf,
  MAX_TASK_VALUE_BYTES,
  MAX_TASK_VALUES,
  NO_KEYS,
  someKeys,
  sortedKeys,
  type KeyRange,
} from '../../common/dynamic-filter/key-domain.ts';
import { testBit } from '../../common/page/bitmap.ts';
import { formatColumnType, type Column } from '../../common/plan/column-type.ts';
import { keyReader } from './key-text.ts';

/** Values are looked for among so many rows of a run: beyond, the work is not worth what they rule out. */
const MAX_VALUE_ROWS = 100_000;

/** Aggregates of one key in the statement's result: count, and bounds where the type has them. */
export function keyAggregates(key: CollectedKey): readonly string[] {
  const value = keyExpression(key);
  return isBounded(key)
    ? [`count(${value})`, `min(${value})`, `max(${value})`]
    : [`count(${value})`];
}

/** Arguments of `emit_rows` for the keys: a hash for each bloom filter. */
export function keyHashes(keys: readonly CollectedKey[]): readonly string[] {
  return keys.filter(hasBloom).map((key) => `hash(${keyExpression(key)})`);
}

const keyExpression = ({ column, type }: CollectedKey): string =>
  `CAST(c${column} AS ${formatColumnType(type)})`;

const isBounded = ({ type }: CollectedKey): boolean => keyFormOf(type) !== 'opaque';
const hasBloom = ({ bloomBits }: CollectedKey): boolean => bloomBits > 0;

interface OpenKey {
  readonly key: CollectedKey;
  /** Argument of `emit_rows` that holds the hashes; `undefined` without a bloom filter. */
  readonly hashArgument: number | undefined;
  bloom: Int32Array | undefined;
  /** `undefined` when they are too many, or cannot be told. */
  values: Set<string> | undefined;
  valueBytes: number;
  hasKeys: boolean;
  /** One for each statement with keys; `undefined`: it has none to tell. */
  ranges: (KeyRange | undefined)[];
}

export class KeyCollector {
  readonly #columns: readonly Column[];
  readonly #keys: readonly OpenKey[];
  #rowCount = 0;
  #isWhole = true;

  /** `firstArgument`: where the hashes begin among the arguments of `emit_rows`. */
  constructor(keys: readonly CollectedKey[], columns: readonly Column[], firstArgument: number) {
    let argument = firstArgument;
    this.#columns = columns;
    this.#keys = keys.map((key) => ({
      key,
      hashArgument: hasBloom(key) ? argument++ : undefined,
      bloom: undefined,
      values: undefined,
      valueBytes: 0,
      hasKeys: false,
      ranges: [],
    }));
    this.#reset();
  }

  #reset(): void {
    this.#rowCount = 0;
    this.#isWhole = true;
    for (const open of this.#keys) {
      open.bloom = hasBloom(open.key) ? emptyBloom(open.key.bloomBits) : undefined;
      open.values = open.key.collectsValues && isBounded(open.key) ? new Set() : undefined;
      open.valueBytes = 0;
      open.hasKeys = false;
      open.ranges = [];
    }
  }

  append(vectorOf: (argument: number) => duckdb.Vector, rowCount: number): void {
    this.#rowCount += rowCount;
    for (const open of this.#keys) {
      if (open.bloom !== undefined && open.hashArgument !== undefined) {
        const { buffer, byteOffset } = readData(vectorOf(open.hashArgument), rowCount * 8);
        addHashes(open.bloom, new Uint32Array(buffer, byteOffset, rowCount * 2));
      }
      if (open.values === undefined) continue;
      if (this.#rowCount > MAX_VALUE_ROWS) open.values = undefined;
      else this.#addValues(open, vectorOf(open.key.column), rowCount);
    }
  }

  #addValues(open: OpenKey, vector: duckdb.Vector, rowCount: number): void {
    const type = this.#columns[open.key.column]?.type;
    if (type === undefined) return;
    const column = exchangeReader(type)(vector, rowCount, undefined);
    const read = keyReader(type, column);
    const { values } = open;
    if (read === undefined || values === undefined || !('validity' in column)) {
      open.values = undefined;
      return;
    }
    const { validity } = column;
    for (let row = 0; row < rowCount; row += 1) {
      if (validity !== undefined && !testBit(validity, row)) continue;
      const value = read(row);
      if (values.has(value)) continue;
      values.add(value);
      open.valueBytes += value.length;
    }
    const isTooMuch = values.size > MAX_TASK_VALUES || open.valueBytes > MAX_TASK_VALUE_BYTES;
    if (isTooMuch) open.values = undefined;
  }

  /** A statement has ended; `aggregates` are the columns of its one row behind the count. */
  addStatement(aggregates: readonly duckdb.Vector[]): void {
    let position = 0;
    for (const open of this.#keys) {
      const own = aggregates.slice(position, position + keyAggregates(open.key).length);
      position += own.length;
      if (!hasKeys(own[0])) continue;
      open.hasKeys = true;
      open.ranges.push(isBounded(open.key) ? rangeOf(open.key, own) : undefined);
    }
  }

  /** A statement has ended that tells no aggregates, of which rows may have come. */
  addUncounted(): void {
    for (const open of this.#keys) {
      open.hasKeys = true;
      open.ranges.push(undefined);
    }
  }

  /** A statement's rows were cut off in its middle: nothing can be said of them. */
  giveUp(): void {
    this.#isWhole = false;
  }

  /** What all statements since the last call say of each key; `undefined`: nothing. */
  take(): readonly CollectedDomain[] | undefined {
    const domains = this.#keys.map(domainOf);
    const isWhole = this.#isWhole;
    this.#reset();
    return isWhole ? domains : undefined;
  }
}

function domainOf({ key, hasKeys, ranges, values, bloom }: OpenKey): CollectedDomain {
  const { filterId } = key;
  const form = keyFormOf(key.type);
  if (!hasKeys) return { filterId, domain: NO_KEYS };
  const parts = {
    ...(values === undefined ? {} : { values: sortedKeys(values, form) }),
    ...(bloom === undefined ? {} : { bloom: Array.from(bloom) }),
  };
  const known = ranges.filter((range) => range !== undefined);
  const [first, ...others] = known;
  if (first === undefined || known.length < ranges.length) {
    return { filterId, domain: someKeys(parts) };
  }
  const range = others.reduce(
    (all, { min, max }) => ({
      min: compareKeys(form, min, all.min) < 0 ? min : all.min,
      max: compareKeys(form, max, all.max) > 0 ? max : all.max,
    }),
    first,
  );
  return { filterId, domain: someKeys({ range, ...parts }) };
}

function hasKeys(count: duckdb.Vector | undefined): boolean {
  if (count === undefined) return true;
  const { buffer, byteOffset } = readData(count, 8);
  return new BigInt64Array(buffer, byteOffset, 1)[0] !== 0n;
}

function rangeOf(
  { type }: CollectedKey,
  [, min, max]: readonly duckdb.Vector[],
): KeyRange | undefined {
  if (min === undefined || max === undefined) return undefined;
  const read = (vector: duckdb.Vector): string | undefined =>
    keyReader(type, exchangeReader(type)(vector, 1, undefined))?.(0);
  const [first, last] = [read(min), read(max)];
  return first === undefined || last === undefined ? undefined : { min: first, max: last };
}
