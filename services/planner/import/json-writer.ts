import { isJsonArray, type Json } from './json-reader.ts';

/** JSON that `readJson` reads back to the same value, and DuckDB to the same numbers. */
export function writeJson(value: Json): string {
  if (isJsonArray(value)) return `[${value.map(writeJson).join(',')}]`;
  switch (typeof value) {
    case 'object': {
      if (value === null) return 'null';
      const fields = Object.entries(value).map(
        ([key, item]) => `${JSON.stringify(key)}:${writeJson(item)}`,
      );
      return `{${fields.join(',')}}`;
    }
    case 'number':
      return writeNumber(value);
    case 'string':
      return JSON.stringify(value);
    default:
      return String(value);
  }
}

/** With a fraction or an exponent, so that it is not taken for an integer. */
function writeNumber(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  const text = String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}
