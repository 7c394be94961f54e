/**
 * References by position in place of DuckDB's bindings (table and column). The serializer leaves bindings in what
 * feeds a table function; what stands there is a projection of an outer row, hardly more.
 */
import { UnsupportedError } from '../logical/unsupported.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from './json-reader.ts';

interface Binding {
  readonly table: Json | undefined;
  readonly column: bigint;
}

/** The operator with its references resolved, and those below it. */
export function resolveBindings(operator: Json): Json {
  return resolveOperator(operator).operator;
}

interface Resolved {
  readonly operator: JsonObject;
  /** Of the operator's columns, in order. */
  readonly bindings: readonly Binding[];
}

function resolveOperator(operator: Json): Resolved {
  if (!isJsonObject(operator)) throw new UnsupportedError('shape of an operator');
  const { type, table_index: table } = operator;
  switch (type) {
    case 'LOGICAL_DELIM_GET':
    case 'LOGICAL_CTE_REF':
      return { operator, bindings: bindingsOf(table, operator['chunk_types']) };
    case 'LOGICAL_DUMMY_SCAN':
      return { operator, bindings: [{ table, column: 0n }] };
    case 'LOGICAL_PROJECTION': {
      const child = resolveChild(operator);
      const expressions = resolveExpression(operator['expressions'] ?? null, child.bindings);
      const resolved = { ...operator, children: [child.operator], expressions };
      return { operator: resolved, bindings: bindingsOf(table, expressions) };
    }
    default:
      throw new UnsupportedError(`${String(type)} below a table function`);
  }
}

function resolveChild({ children }: JsonObject): Resolved {
  const [child, ...others] = isJsonArray(children) ? children : [];
  if (child === undefined || others.length > 0) throw new UnsupportedError('shape of an operator');
  return resolveOperator(child);
}

function bindingsOf(table: Json | undefined, columns: Json | undefined): readonly Binding[] {
  if (!isJsonArray(columns)) throw new UnsupportedError('shape of an operator');
  return columns.map((_, i) => ({ table, column: BigInt(i) }));
}

function resolveExpression(value: Json, bindings: readonly Binding[]): Json {
  if (isJsonArray(value)) return value.map((item) => resolveExpression(item, bindings));
  if (!isJsonObject(value)) return value;
  if (value['expression_class'] === 'BOUND_COLUMN_REF') return reference(value, bindings);
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, resolveExpression(item, bindings)]),
  );
}

function reference(value: JsonObject, bindings: readonly Binding[]): JsonObject {
  const { binding, depth, ...others } = value;
  const index = bindings.findIndex(
    ({ table, column }) =>
      isJsonObject(binding) &&
      binding['table_index'] === table &&
      binding['column_index'] === column,
  );
  if (index < 0 || depth !== 0n) throw new UnsupportedError('reference below a table function');
  return { ...others, expression_class: 'BOUND_REF', type: 'BOUND_REF', index: BigInt(index) };
}
