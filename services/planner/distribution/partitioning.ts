/**
 * Delivered hash partitioning: what is known of the task that holds a row. Two expressions partition alike when
 * their values and types are the same, because hash() of DuckDB differs by type (planning facts, section 3).
 */
import { sameColumnType, type ColumnType } from '../../common/plan/column-type.ts';
import { type Expression } from '../logical/expression.ts';

/**
 * Rows are in task `hash(k1, k2 …) % n`. Value i is the `type` of any of `columns`, cast without loss; no
 * column when the value is not in the output any more.
 */
export interface HashKey {
  readonly type: ColumnType;
  readonly columns: readonly number[];
}

/** A pair of key expressions that an equi-join compares, one over each side. */
export interface KeyPair {
  readonly left: Expression;
  readonly right: Expression;
}

const INTEGERS = new Set([
  'TINYINT',
  'SMALLINT',
  'INTEGER',
  'BIGINT',
  'HUGEINT',
  'UTINYINT',
  'USMALLINT',
  'UINTEGER',
  'UBIGINT',
  'UHUGEINT',
]);

/** The column whose value decides the expression's, equal columns giving equal values; undefined if there is none. */
export function decidingColumn(expression: Expression): number | undefined {
  if (expression.kind === 'column') return expression.index;
  if (expression.kind !== 'cast' || expression.isTry) return undefined;
  const { child } = expression;
  if (child.kind !== 'column') return undefined;
  return INTEGERS.has(child.type.id) && INTEGERS.has(expression.type.id) ? child.index : undefined;
}

/** The keys that an exchange by `expressions` delivers. */
export function hashKeysOf(expressions: readonly Expression[]): readonly HashKey[] {
  return expressions.map((expression) => {
    const column = decidingColumn(expression);
    return { type: expression.type, columns: column === undefined ? [] : [column] };
  });
}

/** Whether rows with equal `groups` are in one task: each key is decided by one of the groups. */
export function satisfiesGrouping(
  keys: readonly HashKey[],
  groups: readonly Expression[],
): boolean {
  const grouped = new Set(
    groups.flatMap((group) => (group.kind === 'column' ? [group.index] : [])),
  );
  return keys.length > 0 && keys.every((key) => key.columns.some((column) => grouped.has(column)));
}

/**
 * The pairs, in the keys' order, whose expressions on `side` are the delivered keys; undefined when some key is
 * not among them, so that the other side cannot be dealt alike.
 */
export function matchJoinKeys(
  keys: readonly HashKey[],
  pairs: readonly KeyPair[],
  side: 'left' | 'right',
): readonly KeyPair[] | undefined {
  const matched: KeyPair[] = [];
  for (const key of keys) {
    const pair = pairs.find((candidate) => isKey(key, candidate[side]));
    if (pair === undefined) return undefined;
    matched.push(pair);
  }
  return matched.length === 0 ? undefined : matched;
}

function isKey(key: HashKey, expression: Expression): boolean {
  const column = decidingColumn(expression);
  return (
    column !== undefined &&
    key.columns.includes(column) &&
    sameColumnType(key.type, expression.type)
  );
}

/** The keys seen through another numbering of columns; `toPositions` gives all new places of a column. */
export function remapHashKeys(
  keys: readonly HashKey[],
  toPositions: (column: number) => readonly number[],
): readonly HashKey[] {
  return keys.map((key) => ({ ...key, columns: key.columns.flatMap(toPositions) }));
}

/** Keys of a row that two joined sides agree on: a key may be read from either. */
export function mergeHashKeys(
  left: readonly HashKey[],
  right: readonly HashKey[],
): readonly HashKey[] {
  return left.map((key, index) => ({
    ...key,
    columns: [...key.columns, ...(right[index]?.columns ?? [])],
  }));
}
