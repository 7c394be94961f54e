/**
 * Random queries over tables with columns k INTEGER, g VARCHAR, v BIGINT, all nullable: every relation that is
 * built has these columns again, so that any operator may stand above any other. Their answers are determined up to
 * the order of rows.
 */
import fc from 'fast-check';

type Sql = fc.Arbitrary<string>;

const PREDICATES = [
  'k > 3',
  'v < 100',
  "g = 'red'",
  'k IS NULL',
  'g IS NOT NULL',
  'k + 1 < 9 OR v IS NULL',
  "g LIKE '%e%'",
  'k IN (1, 3, 5)',
  'NOT (k = 2)',
];
const JOIN_CONDITIONS = [
  'l.k = r.k',
  'l.k = r.k AND l.g = r.g',
  'l.k IS NOT DISTINCT FROM r.k',
  'l.k = r.k AND l.v < r.v',
  'l.g = r.g AND l.k IS NOT DISTINCT FROM r.k',
  'l.k + 1 = r.k',
  'l.v < r.v',
  'l.k = r.k OR l.g = r.g',
];
const JOIN_TYPES = ['JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN'];
const AGGREGATES = [
  'sum(v)::BIGINT',
  'count(*)',
  'count(DISTINCT v)',
  'max(v)',
  '(avg(v) * 1000)::BIGINT',
  'sum(v) FILTER (WHERE k > 2)::BIGINT',
  'sum(DISTINCT v)::BIGINT',
  'median(v)::BIGINT',
];
const SET_OPERATIONS = ['UNION', 'UNION ALL', 'INTERSECT', 'INTERSECT ALL', 'EXCEPT', 'EXCEPT ALL'];
const SUBQUERY_FILTERS = [
  'k IN (SELECT k FROM r)',
  'k NOT IN (SELECT k FROM r)',
  'k NOT IN (SELECT k FROM r WHERE k IS NOT NULL)',
  'EXISTS (SELECT 1 FROM r WHERE r.k = l.k)',
  'NOT EXISTS (SELECT 1 FROM r WHERE r.k = l.k AND r.v > l.v)',
  'v > (SELECT avg(v) FROM r)',
  'v >= (SELECT max(v) FROM r WHERE r.k = l.k)',
  'v > ANY (SELECT v FROM r)',
  'v <= ALL (SELECT v FROM r WHERE v IS NOT NULL)',
  'g IN (SELECT g FROM r WHERE r.k = l.k)',
  'g NOT IN (SELECT g FROM r WHERE r.k = l.k)',
];
const SUBQUERY_VALUES = [
  '(SELECT max(v) FROM r WHERE r.k = l.k)',
  '(SELECT count(*) FROM r WHERE r.k = l.k)',
  '(SELECT sum(v)::BIGINT FROM r)',
  '(SELECT count(*) FROM r WHERE r.v < l.v)',
  '(k IN (SELECT k FROM r))::BIGINT',
  '(k NOT IN (SELECT k FROM r WHERE r.g = l.g))::BIGINT',
];
const WINDOWS = [
  'sum(v) OVER (PARTITION BY k)::BIGINT',
  'count(*) OVER (PARTITION BY g, k)',
  'max(v) OVER ()',
  'rank() OVER (PARTITION BY g ORDER BY k, v)',
  'rank() OVER (ORDER BY v)',
  'sum(v) OVER (PARTITION BY k ORDER BY v RANGE UNBOUNDED PRECEDING)::BIGINT',
];

const COLUMNS = 'k, g, v';

/** Queries over the tables, of the given nesting. */
export function randomQueries(tables: readonly string[], depth: number): Sql {
  return relation(tables, depth).chain((from) =>
    fc.constantFrom(
      `SELECT ${COLUMNS} FROM ${from}`,
      `SELECT ${COLUMNS} FROM ${from} ORDER BY v DESC NULLS LAST, k, g`,
      `SELECT count(*), sum(v), min(k), max(g), count(DISTINCT k) FROM ${from}`,
      `SELECT g, k, count(*), sum(v) FROM ${from} GROUP BY ROLLUP (g, k)`,
    ),
  );
}

/** A FROM item with columns k, g, v. */
function relation(tables: readonly string[], depth: number): Sql {
  if (depth === 0) return fc.constantFrom(...tables);
  const inner = relation(tables, depth - 1);
  const leaf = relation(tables, 0);
  return fc
    .oneof(leaf, ...overOne(inner), ...overTwo(inner, leaf))
    .map((from) => (from.startsWith('SELECT') || from.startsWith('WITH') ? `(${from})` : from));
}

/** Operators over one relation. */
function overOne(inner: Sql): readonly Sql[] {
  return [
    fc
      .tuple(inner, fc.constantFrom(...PREDICATES))
      .map(([from, predicate]) => `SELECT ${COLUMNS} FROM ${from} WHERE ${predicate}`),
    fc
      .tuple(inner, fc.constantFrom(...AGGREGATES), fc.constantFrom('k', 'k, g'))
      .map(
        ([from, aggregate, keys]) =>
          `SELECT k, max(g) AS g, ${aggregate} AS v FROM ${from} GROUP BY ${keys}`,
      ),
    fc
      .tuple(inner, fc.constantFrom(...WINDOWS))
      .map(([from, window]) => `SELECT k, g, ${window} AS v FROM ${from}`),
    inner.map((from) => `SELECT DISTINCT ${COLUMNS} FROM ${from}`),
    fc
      .tuple(inner, fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 5 }))
      .map(
        ([from, limit, offset]) =>
          `SELECT ${COLUMNS} FROM ${from} ORDER BY ${COLUMNS} LIMIT ${limit} OFFSET ${offset}`,
      ),
    fc
      .tuple(inner, fc.constantFrom('JOIN', 'LEFT JOIN', 'FULL JOIN'))
      .map(
        ([from, type]) =>
          `WITH c AS MATERIALIZED (SELECT k, max(g) AS g, sum(v)::BIGINT AS v FROM ${from} GROUP BY k) ` +
          `SELECT a.k, b.g, a.v FROM c a ${type} c b ON a.k = b.k + 1`,
      ),
  ];
}

/** Operators over two relations, of which one is a table. */
function overTwo(inner: Sql, leaf: Sql): readonly Sql[] {
  return [
    fc
      .tuple(inner, leaf, fc.constantFrom(...JOIN_TYPES), fc.constantFrom(...JOIN_CONDITIONS))
      .map(
        ([left, right, type, condition]) =>
          `SELECT l.k, r.g, coalesce(l.v, r.v) AS v FROM ${left} l ${type} ${right} r ON ${condition}`,
      ),
    fc
      .tuple(leaf, inner, fc.constantFrom('SEMI', 'ANTI'), fc.constantFrom(...JOIN_CONDITIONS))
      .map(
        ([left, right, type, condition]) =>
          `SELECT l.* FROM (SELECT ${COLUMNS} FROM ${left}) l ${type} JOIN ${right} r ON ${condition}`,
      ),
    fc
      .tuple(inner, leaf, fc.constantFrom(...SUBQUERY_FILTERS))
      .map(
        ([left, right, predicate]) =>
          `WITH r AS (SELECT ${COLUMNS} FROM ${right}) SELECT ${COLUMNS} FROM ${left} l WHERE ${predicate}`,
      ),
    fc
      .tuple(inner, leaf, fc.constantFrom(...SUBQUERY_VALUES))
      .map(
        ([left, right, value]) =>
          `WITH r AS (SELECT ${COLUMNS} FROM ${right}) SELECT k, g, ${value} AS v FROM ${left} l`,
      ),
    fc
      .tuple(inner, leaf, fc.constantFrom(...SET_OPERATIONS))
      .map(
        ([left, right, operation]) =>
          `SELECT ${COLUMNS} FROM ${left} ${operation} SELECT ${COLUMNS} FROM ${right}`,
      ),
  ];
}
