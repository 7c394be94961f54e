import type { Column as WireColumn } from '../../../proto/gen/skein/internal/v1/column_type.ts';
import { ColumnType as WireColumnType } from '../../../proto/gen/skein/internal/v1/column_type.ts';
import type { Column, ColumnType, PlainTypeId } from '../plan/column-type.ts';
import { PLAIN_TYPES } from '../plan/type-table.ts';
import { invalidField, required } from './wire-field.ts';

function isPlainTypeId(id: string): id is PlainTypeId {
  return Object.hasOwn(PLAIN_TYPES, id);
}

export function columnTypeToWire(type: ColumnType): WireColumnType {
  const wire = (fields: Partial<WireColumnType>): WireColumnType => ({
    ...WireColumnType.create(),
    id: type.id,
    ...fields,
  });
  switch (type.id) {
    case 'DECIMAL':
      return wire({ width: type.width, scale: type.scale });
    case 'ENUM':
      return wire({ values: type.values });
    case 'GEOMETRY':
      return wire({ crs: type.crs });
    case 'LIST':
      return wire({ children: [unnamed(type.child)] });
    case 'ARRAY':
      return wire({ children: [unnamed(type.child)], size: type.size });
    case 'STRUCT':
      return wire({ children: columnsToWire(type.fields) });
    case 'UNION':
      return wire({ children: columnsToWire(type.members) });
    case 'MAP':
      return wire({ children: [unnamed(type.key), unnamed(type.value)] });
    default:
      return wire({});
  }
}

function unnamed(type: ColumnType): WireColumn {
  return { name: '', type: columnTypeToWire(type) };
}

export function columnTypeFromWire(wire: WireColumnType, field: string): ColumnType {
  const { id } = wire;
  switch (id) {
    case 'DECIMAL':
      return { id, width: wire.width, scale: wire.scale };
    case 'ENUM':
      return { id, values: wire.values };
    case 'GEOMETRY':
      return wire.crs === undefined ? { id } : { id, crs: wire.crs };
    case 'LIST':
      return { id, child: child(wire, 0, field) };
    case 'ARRAY':
      return { id, child: child(wire, 0, field), size: wire.size };
    case 'STRUCT':
      return { id, fields: columnsFromWire(wire.children, `${field}.children`) };
    case 'UNION':
      return { id, members: columnsFromWire(wire.children, `${field}.children`) };
    case 'MAP':
      return { id, key: child(wire, 0, field), value: child(wire, 1, field) };
    default:
      if (!isPlainTypeId(id))
        throw invalidField(`${field}.id`, `unknown type '${id.slice(0, 100)}'`);
      return { id };
  }
}

function child(wire: WireColumnType, index: number, field: string): ColumnType {
  const path = `${field}.children[${index}].type`;
  return columnTypeFromWire(required(wire.children[index]?.type, path), path);
}

export function columnToWire({ name, type }: Column): WireColumn {
  return { name, type: columnTypeToWire(type) };
}

export function columnFromWire(wire: WireColumn, field: string): Column {
  const path = `${field}.type`;
  return { name: wire.name, type: columnTypeFromWire(required(wire.type, path), path) };
}

export function columnsToWire(columns: readonly Column[]): WireColumn[] {
  return columns.map(columnToWire);
}

export function columnsFromWire(wire: readonly WireColumn[], field: string): Column[] {
  return wire.map((column, index) => columnFromWire(column, `${field}[${index}]`));
}
