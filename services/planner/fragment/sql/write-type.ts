/**
 * Types in SQL. The fields of `row(…)` have no names, and DuckDB has no text for such a type: there a value of the
 * type stands in. No table holds such a type either, so that on their way between stages the fields have names.
 */
import {
  type ColumnType,
  formatColumnType,
  quoteIdentifier,
  quoteString,
} from '../../../common/plan/column-type.ts';
import { UnsupportedError } from '../../logical/unsupported.ts';

/** Whether `formatColumnType` gives a text that DuckDB's parser reads. */
export function hasTypeText(type: ColumnType): boolean {
  switch (type.id) {
    case 'STRUCT':
      return type.fields.every(({ name, type: field }) => name !== '' && hasTypeText(field));
    case 'UNION':
      return type.members.every((member) => hasTypeText(member.type));
    case 'LIST':
    case 'ARRAY':
      return hasTypeText(type.child);
    case 'MAP':
      return hasTypeText(type.key) && hasTypeText(type.value);
    default:
      return true;
  }
}

/** A NULL that binds to exactly the type. */
export function writeNull(type: ColumnType): string {
  if (type.id === 'NULL') return 'NULL';
  return hasTypeText(type)
    ? `NULL::${formatColumnType(type)}`
    : `CASE WHEN FALSE THEN ${writeSample(type)} END`;
}

/** Some value that binds to exactly the type. */
export function writeSample(type: ColumnType): string {
  if (hasTypeText(type)) return writeNull(type);
  switch (type.id) {
    case 'STRUCT': {
      const fields = type.fields.map((field) => ({ ...field, sql: writeSample(field.type) }));
      return fields.some(({ name }) => name === '')
        ? `row(${fields.map(({ sql }) => sql).join(', ')})`
        : `struct_pack(${fields.map(({ name, sql }) => `${quoteIdentifier(name)} := ${sql}`).join(', ')})`;
    }
    case 'LIST':
      return `[${writeSample(type.child)}]`;
    case 'ARRAY':
      return `array_value(${Array.from({ length: type.size }, () => writeSample(type.child)).join(', ')})`;
    case 'MAP':
      // Without entries: a key is never NULL.
      return `map([${writeSample(type.key)}][2:], [${writeSample(type.value)}][2:])`;
    default:
      throw new UnsupportedError(`${type.id} of rows without field names`);
  }
}

/** The type with a name for every field. */
export function withFieldNames(type: ColumnType): ColumnType {
  if (hasTypeText(type)) return type;
  switch (type.id) {
    case 'STRUCT':
      return {
        id: 'STRUCT',
        fields: type.fields.map((field, i) => ({
          name: fieldName(field.name, i),
          type: withFieldNames(field.type),
        })),
      };
    case 'LIST':
      return { id: 'LIST', child: withFieldNames(type.child) };
    default:
      throw new UnsupportedError(`${type.id} of rows without field names`);
  }
}

const fieldName = (name: string, position: number): string =>
  name === '' ? `field ${position + 1}` : name;

/** The value of `type` that the column `text` of the type `withFieldNames(type)` stands for. */
export function withoutFieldNames(text: string, type: ColumnType): string {
  if (hasTypeText(type)) return text;
  switch (type.id) {
    case 'STRUCT': {
      const fields = type.fields.map((field, i) => {
        const value = `struct_extract(${text}, ${quoteString(fieldName(field.name, i))})`;
        const sql = withoutFieldNames(value, field.type);
        return field.name === '' ? sql : `${quoteIdentifier(field.name)} := ${sql}`;
      });
      const isRow = type.fields.some(({ name }) => name === '');
      const value = `${isRow ? 'row' : 'struct_pack'}(${fields.join(', ')})`;
      return `CASE WHEN ${text} IS NOT NULL THEN ${value} END`;
    }
    case 'LIST': {
      const item = withoutFieldNames('item', type.child);
      return `list_transform(${text}, lambda item: ${item})`;
    }
    default:
      throw new UnsupportedError(`${type.id} of rows without field names`);
  }
}
