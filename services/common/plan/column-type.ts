/**
 * DuckDB's logical types as data. A plain type is only its id; the others carry what makes them a type.
 * `formatColumnType` gives the SQL text that DuckDB's parser reads back as the same type.
 */
export type PlainTypeId =
  | 'BOOLEAN'
  | 'TINYINT'
  | 'SMALLINT'
  | 'INTEGER'
  | 'BIGINT'
  | 'HUGEINT'
  | 'UTINYINT'
  | 'USMALLINT'
  | 'UINTEGER'
  | 'UBIGINT'
  | 'UHUGEINT'
  | 'FLOAT'
  | 'DOUBLE'
  | 'DATE'
  | 'TIME'
  | 'TIME_NS'
  | 'TIME WITH TIME ZONE'
  | 'TIMESTAMP'
  | 'TIMESTAMP_S'
  | 'TIMESTAMP_MS'
  | 'TIMESTAMP_NS'
  | 'TIMESTAMP WITH TIME ZONE'
  | 'INTERVAL'
  | 'VARCHAR'
  | 'BLOB'
  | 'BIT'
  | 'UUID'
  | 'BIGNUM'
  | 'JSON'
  | 'VARIANT'
  | 'NULL';

export type ColumnType =
  | { readonly id: PlainTypeId }
  | { readonly id: 'DECIMAL'; readonly width: number; readonly scale: number }
  | { readonly id: 'ENUM'; readonly values: readonly string[] }
  | { readonly id: 'GEOMETRY'; readonly crs?: string }
  | { readonly id: 'LIST'; readonly child: ColumnType }
  | { readonly id: 'ARRAY'; readonly child: ColumnType; readonly size: number }
  | { readonly id: 'STRUCT'; readonly fields: readonly NamedType[] }
  | { readonly id: 'MAP'; readonly key: ColumnType; readonly value: ColumnType }
  | { readonly id: 'UNION'; readonly members: readonly NamedType[] };

export interface NamedType {
  readonly name: string;
  readonly type: ColumnType;
}

/** A column of a relation: its name as the user sees it (duplicates allowed) and its type. */
export type Column = NamedType;

/** Quotes an identifier for SQL. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Quotes a string literal for SQL. */
export function quoteString(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export function formatColumnType(type: ColumnType): string {
  switch (type.id) {
    case 'DECIMAL':
      return `DECIMAL(${type.width},${type.scale})`;
    case 'ENUM':
      return `ENUM(${type.values.map(quoteString).join(', ')})`;
    case 'GEOMETRY':
      return type.crs === undefined ? 'GEOMETRY' : `GEOMETRY(${quoteString(type.crs)})`;
    case 'LIST':
      return `${formatColumnType(type.child)}[]`;
    case 'ARRAY':
      return `${formatColumnType(type.child)}[${type.size}]`;
    case 'STRUCT':
      return `STRUCT(${formatMembers(type.fields)})`;
    case 'UNION':
      return `UNION(${formatMembers(type.members)})`;
    case 'MAP':
      return `MAP(${formatColumnType(type.key)}, ${formatColumnType(type.value)})`;
    case 'NULL':
      return '"NULL"';
    default:
      return type.id;
  }
}

/** The fields of `row(…)` have no names; DuckDB prints only their types, and has no SQL text for such a type. */
function formatMembers(members: readonly NamedType[]): string {
  return members
    .map(({ name, type }) =>
      name === '' ? formatColumnType(type) : `${quoteIdentifier(name)} ${formatColumnType(type)}`,
    )
    .join(', ');
}

/** Structural equality; struct field and union member names count, as they do in DuckDB. */
export function sameColumnType(a: ColumnType, b: ColumnType): boolean {
  return formatColumnType(a) === formatColumnType(b);
}
