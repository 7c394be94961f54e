/** Statements that run for minutes, so that something can happen to them. */

/** A join without a key in which every triple of rows is looked at; no row comes out before the end. */
export const SLOW_JOIN =
  'SELECT count(*) FROM lineitem a, lineitem b, orders c WHERE hash(a.l_orderkey, b.l_partkey, c.o_custkey) = 0';

/** Rows come from the start on, and for ever. */
export const SLOW_STREAM =
  'SELECT a.l_orderkey, b.l_comment FROM lineitem a, lineitem b WHERE hash(a.l_orderkey, b.l_partkey) % 10 = 0';

/** Runs for some seconds: long enough for something to happen to it, and it ends. */
export const LONG_COUNT =
  'SELECT count(*) FROM lineitem a, orders b WHERE hash(a.l_orderkey, b.o_custkey) % 2 < 2';

/** Rows of lineitem × rows of orders. */
export const LONG_COUNT_ANSWER = String(60_175 * 15_000);
/** A join and an aggregation that take some seconds. */
export const BUSY_JOIN =
  'SELECT a.l_linenumber AS n, count(*) AS pairs, sum(hash(a.l_orderkey, b.l_partkey) % 1000) AS mix ' +
  'FROM lineitem a JOIN lineitem b ON a.l_quantity = b.l_quantity GROUP BY n ORDER BY n';
