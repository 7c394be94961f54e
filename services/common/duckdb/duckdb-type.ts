/** DuckDB's type objects to column types and back. */
import type { DuckDBConnection } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { EngineError } from '../error.ts';
import type { ColumnType, NamedType, PlainTypeId } from '../plan/column-type.ts';

type LogicalType = duckdb.LogicalType;

/** Types that are only their id. DuckDB's literal types appear where no column gave a type. */
const PLAIN_TYPE_IDS: ReadonlyMap<duckdb.Type, PlainTypeId> = new Map([
  [duckdb.Type.BOOLEAN, 'BOOLEAN'],
  [duckdb.Type.TINYINT, 'TINYINT'],
  [duckdb.Type.SMALLINT, 'SMALLINT'],
  [duckdb.Type.INTEGER, 'INTEGER'],
  [duckdb.Type.BIGINT, 'BIGINT'],
  [duckdb.Type.HUGEINT, 'HUGEINT'],
  [duckdb.Type.UTINYINT, 'UTINYINT'],
  [duckdb.Type.USMALLINT, 'USMALLINT'],
  [duckdb.Type.UINTEGER, 'UINTEGER'],
  [duckdb.Type.UBIGINT, 'UBIGINT'],
  [duckdb.Type.UHUGEINT, 'UHUGEINT'],
  [duckdb.Type.FLOAT, 'FLOAT'],
  [duckdb.Type.DOUBLE, 'DOUBLE'],
  [duckdb.Type.DATE, 'DATE'],
  [duckdb.Type.TIME, 'TIME'],
  [duckdb.Type.TIME_NS, 'TIME_NS'],
  [duckdb.Type.TIME_TZ, 'TIME WITH TIME ZONE'],
  [duckdb.Type.TIMESTAMP, 'TIMESTAMP'],
  [duckdb.Type.TIMESTAMP_S, 'TIMESTAMP_S'],
  [duckdb.Type.TIMESTAMP_MS, 'TIMESTAMP_MS'],
  [duckdb.Type.TIMESTAMP_NS, 'TIMESTAMP_NS'],
  [duckdb.Type.TIMESTAMP_TZ, 'TIMESTAMP WITH TIME ZONE'],
  [duckdb.Type.INTERVAL, 'INTERVAL'],
  [duckdb.Type.VARCHAR, 'VARCHAR'],
  [duckdb.Type.BLOB, 'BLOB'],
  [duckdb.Type.BIT, 'BIT'],
  [duckdb.Type.UUID, 'UUID'],
  [duckdb.Type.BIGNUM, 'BIGNUM'],
  [duckdb.Type.VARIANT, 'VARIANT'],
  [duckdb.Type.SQLNULL, 'NULL'],
]);

const TYPE_OF_PLAIN_ID = new Map([...PLAIN_TYPE_IDS].map(([type, id]) => [id, type]));

const JSON_ALIAS = 'JSON';

/** The column type of a DuckDB type; one that pages cannot carry is STATEMENT_NOT_SUPPORTED. */
export function fromLogicalType(type: LogicalType): ColumnType {
  const id = duckdb.get_type_id(type);
  switch (id) {
    case duckdb.Type.DECIMAL:
      return {
        id: 'DECIMAL',
        width: duckdb.decimal_width(type),
        scale: duckdb.decimal_scale(type),
      };
    case duckdb.Type.ENUM:
      return { id: 'ENUM', values: enumValues(type) };
    case duckdb.Type.GEOMETRY: {
      const crs = duckdb.geometry_type_get_crs(type);
      return crs === null ? { id: 'GEOMETRY' } : { id: 'GEOMETRY', crs };
    }
    case duckdb.Type.LIST:
      return { id: 'LIST', child: fromLogicalType(duckdb.list_type_child_type(type)) };
    case duckdb.Type.ARRAY: {
      const child = fromLogicalType(duckdb.array_type_child_type(type));
      return { id: 'ARRAY', child, size: duckdb.array_type_array_size(type) };
    }
    case duckdb.Type.STRUCT:
      return { id: 'STRUCT', fields: structFields(type) };
    case duckdb.Type.MAP: {
      const key = fromLogicalType(duckdb.map_type_key_type(type));
      return { id: 'MAP', key, value: fromLogicalType(duckdb.map_type_value_type(type)) };
    }
    case duckdb.Type.UNION:
      return { id: 'UNION', members: unionMembers(type) };
    default: {
      const isJson =
        id === duckdb.Type.VARCHAR && duckdb.logical_type_get_alias(type) === JSON_ALIAS;
      const plain = isJson ? 'JSON' : PLAIN_TYPE_IDS.get(id);
      if (plain === undefined) throw notSupported(duckdb.Type[id] ?? `type ${id}`);
      return { id: plain };
    }
  }
}

function enumValues(type: LogicalType): string[] {
  const size = duckdb.enum_dictionary_size(type);
  return Array.from({ length: size }, (_, index) => duckdb.enum_dictionary_value(type, index));
}

function structFields(type: LogicalType): NamedType[] {
  return Array.from({ length: duckdb.struct_type_child_count(type) }, (_, index) => ({
    name: duckdb.struct_type_child_name(type, index),
    type: fromLogicalType(duckdb.struct_type_child_type(type, index)),
  }));
}

function unionMembers(type: LogicalType): NamedType[] {
  return Array.from({ length: duckdb.union_type_member_count(type) }, (_, index) => ({
    name: duckdb.union_type_member_name(type, index),
    type: fromLogicalType(duckdb.union_type_member_type(type, index)),
  }));
}

let variantType: LogicalType | undefined;

/**
 * Lets `toLogicalType` make VARIANT: the C API makes one without its storage, which crashes DuckDB, so a whole
 * one is taken from a statement, once per isolate.
 */
export async function learnVariantType(connection: DuckDBConnection): Promise<void> {
  if (variantType !== undefined) return;
  const result = await connection.run(VARIANT_SAMPLE_SQL);
  rememberVariantType(result.columnLogicalType(0).logical_type);
}

/** A statement whose one column is a VARIANT, for `rememberVariantType`. */
export const VARIANT_SAMPLE_SQL = 'SELECT NULL::VARIANT';

/** As `learnVariantType`, for who has a result's type already. */
export function rememberVariantType(type: LogicalType): void {
  variantType = type;
}

/** The DuckDB type of a column type, for the columns of a table function. */
export function toLogicalType(type: ColumnType): LogicalType {
  switch (type.id) {
    case 'DECIMAL':
      return duckdb.create_decimal_type(type.width, type.scale);
    case 'ENUM':
      return duckdb.create_enum_type(type.values);
    case 'GEOMETRY':
      if (type.crs !== undefined) throw notSupported(`GEOMETRY with the CRS ${type.crs}`);
      return duckdb.create_logical_type(duckdb.Type.GEOMETRY);
    case 'LIST':
      return duckdb.create_list_type(toLogicalType(type.child));
    case 'ARRAY':
      return duckdb.create_array_type(toLogicalType(type.child), type.size);
    case 'STRUCT':
      return duckdb.create_struct_type(...typesAndNames(type.fields));
    case 'MAP':
      return duckdb.create_map_type(toLogicalType(type.key), toLogicalType(type.value));
    case 'UNION':
      return duckdb.create_union_type(...typesAndNames(type.members));
    case 'JSON': {
      const json = duckdb.create_logical_type(duckdb.Type.VARCHAR);
      duckdb.logical_type_set_alias(json, JSON_ALIAS);
      return json;
    }
    case 'VARIANT':
      if (variantType === undefined) throw notSupported('VARIANT before `learnVariantType`');
      return variantType;
    default:
      return duckdb.create_logical_type(TYPE_OF_PLAIN_ID.get(type.id)!);
  }
}

function typesAndNames(members: readonly NamedType[]): [LogicalType[], string[]] {
  return [members.map((member) => toLogicalType(member.type)), members.map(({ name }) => name)];
}

function notSupported(what: string): EngineError {
  return new EngineError('STATEMENT_NOT_SUPPORTED', `columns of type ${what} are not supported`);
}
