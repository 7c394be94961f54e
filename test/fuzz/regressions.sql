-- Statements over the fuzz tables that once had another answer than plain DuckDB's, or fell to the last rung, reduced.

SELECT * FROM (VALUES (3::INTEGER, '123456789012345678901234567890'::BIGNUM::BIGNUM)) t(c1, c2);

SELECT c1 FROM (SELECT b AS c1 FROM first WHERE '101'::BIT <> '0'::BIT);

SELECT count(*) FROM (VALUES (4::INTEGER, -128::TINYINT::TINYINT)) t(c13, c14);

SELECT c12 FROM (SELECT 1::INTEGER AS c11, ts AS c12 FROM empty UNION ALL SELECT TRY(sign(k)), ts FROM (SELECT k, max(ts) AS ts FROM clustered GROUP BY k)) ORDER BY c11 DESC;

SELECT TRY(list_transform(['a'], lambda x: CASE WHEN k > 1 THEN x END)) FROM (SELECT k FROM single GROUP BY k);

SELECT k, mode() WITHIN GROUP (ORDER BY DATE 'infinity' DESC), mode('red' ORDER BY k) FROM clustered GROUP BY k;

SELECT k, argmin(k, lower('X') ORDER BY lower('X')) FROM first GROUP BY k;

SELECT * FROM (SELECT k FROM nothings UNION ALL SELECT k FROM partitioned) WHERE k IS NOT NULL AND k IN (1, 2);

SELECT icu_collate_de(g) FROM first;

SELECT count(*) FROM (SELECT max(c) OVER () FROM (SELECT min(1) AS c FROM skewed) LIMIT ALL OFFSET 1);

SELECT 42 FROM (SELECT count(*) AS c FROM skewed ORDER BY c) LIMIT 7;

SELECT c4, c6, grouping(c4, c6), count(*) FROM (SELECT g AS c4, g AS c6 FROM complete) GROUP BY GROUPING SETS ((c4), (c6));

SELECT g, string_agg(DISTINCT k, ',' ORDER BY k DESC), list(DISTINCT k ORDER BY k) FROM complete GROUP BY g;

SELECT b, stddev(k), var_pop(k) FILTER (WHERE v > 0), corr(k, v), regr_r2(k, v), skewness(k), approx_count_distinct(g), count(DISTINCT k) FROM first GROUP BY b;

SELECT stddev(k), covar_samp(k, v), kurtosis(k), approx_count_distinct(s), approx_count_distinct(l), regr_count(k, v), count_if(b), sum(v::BIGNUM), bitstring_agg(ti, -128, 127) FROM first;

SELECT stddev(k), covar_samp(k, v), sem(k), approx_count_distinct(s), regr_count(k, v), count_if(b), sum(v::BIGNUM) FROM empty;

SELECT count(DISTINCT k), stddev(k), approx_count_distinct(g) FROM first;

SELECT g, b, stddev(k), approx_count_distinct(k) FROM first GROUP BY ROLLUP (g, b);

SELECT b, arg_max(k::VARCHAR, k), arg_min(k, k) FILTER (WHERE v > 0), arg_max_null(nullif(k, 8), k), arg_min(d, d) FROM first GROUP BY b;

WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT * FROM t JOIN (SELECT k, (k IN (SELECT c FROM (SELECT k AS c FROM complete) WHERE c <> k)) AS m FROM first) ON k = n;

SELECT k, u, o FROM first LEFT JOIN LATERAL (SELECT * FROM unnest(l) WITH ORDINALITY t(u, o)) ON TRUE;

SELECT k, r FROM first, range(0, k % 5) t(r);
