/** Random column types, and SQL that lets DuckDB itself make rows of them, with NULLs at every level. */
import fc from 'fast-check';
import {
  type ColumnType,
  formatColumnType,
  type NamedType,
  type PlainTypeId,
  quoteString,
} from '../../services/common/plan/column-type.ts';

/** SQL of a value of each plain type from `$` (a pseudo-random BIGINT of 63 bits) and `#` (the row). */
const PLAIN_VALUES: Readonly<Record<PlainTypeId, string>> = {
  BOOLEAN: '$ % 2 = 0',
  TINYINT: '($ % 256)::INTEGER - 128',
  SMALLINT: '($ % 65536)::INTEGER - 32768',
  INTEGER: '($ % 4294967296)::BIGINT - 2147483648',
  BIGINT: '$ * (1 - 2 * ($ % 2))',
  HUGEINT: '$::HUGEINT * 18446744073709551616 - 170141183460469231731687303715884105727 + hash($)',
  UTINYINT: '$ % 256',
  USMALLINT: '$ % 65536',
  UINTEGER: '$ % 4294967296',
  UBIGINT: 'hash($)',
  UHUGEINT:
    "['340282366920938463463374607431768211455', '18446744073709551616', '0', $::VARCHAR][$ % 4 + 1]",
  FLOAT: "['NaN'::FLOAT, '-infinity', '-0.0', $ / 7, 1e-40][$ % 5 + 1]",
  DOUBLE: "['NaN'::DOUBLE, 'infinity', '-0.0', $ / 7, -1e300][$ % 5 + 1]",
  DATE: "[DATE '1970-01-01' + ($ % 40000)::INTEGER - 20000, 'infinity', '-infinity'][least($ % 20, 2) + 1]",
  TIME: "TIME '00:00:00' + to_microseconds(($ % 86400000000)::BIGINT)",
  TIME_NS: 'make_timestamp_ns(($ % 86400000000000)::BIGINT)::TIME_NS',
  'TIME WITH TIME ZONE':
    "(TIME '00:00:00' + to_microseconds(($ % 86400000000)::BIGINT))::VARCHAR || ['+02', '-15:59:59', '+00'][$ % 3 + 1]",
  TIMESTAMP:
    "[make_timestamp(($ % 4000000000000000)::BIGINT - 2000000000000000), 'infinity'][least($ % 20, 1) + 1]",
  TIMESTAMP_S: 'make_timestamp(($ % 4000000000000000)::BIGINT)',
  TIMESTAMP_MS: 'make_timestamp(($ % 4000000000000000)::BIGINT)',
  TIMESTAMP_NS: 'make_timestamp_ns(($ % 4000000000000000000)::BIGINT)',
  'TIMESTAMP WITH TIME ZONE': 'make_timestamp(($ % 4000000000000000)::BIGINT)',
  INTERVAL:
    'to_months(($ % 1000)::INTEGER - 500) + to_days(($ % 77)::INTEGER) + to_microseconds(($ % 1000000000000)::BIGINT - 5)',
  VARCHAR: "substr(repeat('αβ' || $, ($ % 9)::BIGINT), 1, ($ % 60)::BIGINT)",
  BLOB: 'encode(repeat(chr(($ % 128)::INTEGER), ($ % 40)::BIGINT))',
  BIT: "repeat('10110', ($ % 30)::BIGINT + 1)",
  UUID: '(md5($::VARCHAR))',
  BIGNUM: "['-', ''][$ % 2 + 1] || repeat($::VARCHAR, ($ % 4)::BIGINT + 1)",
  JSON: "json_object('k', $, 'text', repeat('x', ($ % 20)::BIGINT))",
  VARIANT:
    "[{a: $, b: repeat('v', ($ % 20)::BIGINT)}::VARIANT, [#, #]::VARIANT, 'text'::VARIANT][$ % 3 + 1]",
  NULL: 'NULL',
};

export const plainTypeIds = Object.keys(PLAIN_VALUES) as PlainTypeId[];

/** Fields get distinct names, as DuckDB demands. */
function named(types: readonly ColumnType[]): NamedType[] {
  return types.map((type, index) => ({ name: `f ${index}`, type }));
}

const enumType = fc.constantFrom(1, 3, 255, 256, 300).map((count): ColumnType => ({
  id: 'ENUM',
  values: Array.from({ length: count }, (_, index) => `value ${index}${'!'.repeat(index % 20)}`),
}));

const decimalType = fc
  .constantFrom([1, 0], [4, 2], [9, 9], [18, 3], [19, 0], [38, 10])
  .map(([width, scale]): ColumnType => ({ id: 'DECIMAL', width, scale }));

/** `exclude`: plain types that are not wanted. NULL only where nothing else forces a type. */
export function columnTypeArbitrary(
  exclude: readonly PlainTypeId[] = [],
): fc.Arbitrary<ColumnType> {
  const ids = plainTypeIds.filter((id) => id !== 'NULL' && !exclude.includes(id));
  const leaf = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...ids).map((id): ColumnType => ({ id })) },
    { weight: 1, arbitrary: enumType },
    { weight: 2, arbitrary: decimalType },
    { weight: 1, arbitrary: fc.constant<ColumnType>({ id: 'GEOMETRY' }) },
  );
  return fc.letrec<{ type: ColumnType }>((tie) => ({
    type: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      { weight: 3, arbitrary: leaf },
      { weight: 1, arbitrary: tie('type').map((child): ColumnType => ({ id: 'LIST', child })) },
      {
        weight: 1,
        arbitrary: fc
          .tuple(tie('type'), fc.integer({ min: 1, max: 3 }))
          .map(([child, size]): ColumnType => ({ id: 'ARRAY', child, size })),
      },
      {
        weight: 1,
        arbitrary: fc
          .array(tie('type'), { minLength: 1, maxLength: 3 })
          .map((types): ColumnType => ({ id: 'STRUCT', fields: named(types) })),
      },
      {
        weight: 1,
        arbitrary: fc
          .tuple(fc.constantFrom<PlainTypeId>('INTEGER', 'VARCHAR'), tie('type'))
          .map(([key, value]): ColumnType => ({ id: 'MAP', key: { id: key }, value })),
      },
      {
        weight: 1,
        arbitrary: fc
          .array(tie('type'), { minLength: 1, maxLength: 3 })
          .map((types): ColumnType => ({ id: 'UNION', members: named(types) })),
      },
    ),
  })).type;
}

/** A statement of `rowCount` rows with a column of each type. */
export function randomRowsSql(
  types: readonly ColumnType[],
  options: { readonly rowCount: number; readonly seed: number },
): string {
  const writer = new ValueWriter(options.seed);
  const columns = types.map((type, index) => `${writer.value(type, 'i')} AS c${index}`);
  return `SELECT ${columns.join(', ')} FROM range(${options.rowCount}) r(i)`;
}

class ValueWriter {
  #seed: number;
  #lambdas = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** A value of the type, or NULL in about every sixth row, from the SQL of a row number. */
  value(type: ColumnType, row: string): string {
    const random = this.#random(row);
    const present = this.#present(type, row, random);
    // Not a CASE: DuckDB has none for arrays.
    const value = `[${present}, NULL][1 + (${this.#random(row)} % 6 = 0)::INTEGER]`;
    return `(${value})::${formatColumnType(type)}`;
  }

  #random(row: string): string {
    this.#seed += 1;
    return `(hash(${row}, ${this.#seed}) >> 1)::BIGINT`;
  }

  #present(type: ColumnType, row: string, random: string): string {
    switch (type.id) {
      case 'DECIMAL':
        return `((${random} % ${10n ** BigInt(Math.min(type.width, 18))})::HUGEINT - 5)::DECIMAL(38,0) / ${10n ** BigInt(type.scale)}`;
      case 'ENUM':
        return `[${type.values.map(quoteString).join(', ')}][${random} % ${type.values.length} + 1]`;
      case 'GEOMETRY':
        return `'POINT(' || (${random} % 100) || ' 2)'`;
      case 'LIST':
        return this.#items(random, (item) => this.value(type.child, item), row);
      case 'ARRAY':
        return `[${Array.from({ length: type.size }, () => this.value(type.child, row)).join(', ')}]`;
      case 'STRUCT':
        return `{${type.fields.map((f) => `"${f.name}": ${this.value(f.type, row)}`).join(', ')}}`;
      case 'MAP': {
        const key =
          type.key.id === 'VARCHAR'
            ? (item: string) => `'a longer key ' || ${item}`
            : (item: string) => item;
        const entry = (item: string) =>
          `{k: (${key(item)})::${formatColumnType(type.key)}, v: ${this.value(type.value, item)}}`;
        return `map_from_entries(${this.#items(random, entry, row)})`;
      }
      case 'UNION':
        return this.#member(type, row, random);
      default:
        return PLAIN_VALUES[type.id].replaceAll('$', random).replaceAll('#', row);
    }
  }

  #items(random: string, item: (row: string) => string, row: string): string {
    const name = `j${this.#lambdas++}`;
    return `list_transform(range((${random} % 4)::BIGINT), lambda ${name}: ${item(`(${row} * 7 + ${name})`)})`;
  }

  #member(type: Extract<ColumnType, { id: 'UNION' }>, row: string, random: string): string {
    const union = formatColumnType(type);
    const members = type.members.map((member) => {
      return `union_value("${member.name}" := ${this.value(member.type, row)})::${union}`;
    });
    return `[${members.join(', ')}][${random} % ${members.length} + 1]`;
  }
}
