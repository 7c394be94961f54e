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

-- {"seed":512841,"options":{"taskCount":1,"properties":{"broadcast_threshold":"0","partial_aggregation":"never","partial_aggregation_min_rows":"1","distribution":"always","colocated_execution":"off","default_null_order":"nulls_last_on_asc_first_on_desc","default_order":"desc"}}}
SELECT * FROM (SELECT arg_min_nulls_last((-1)::INTEGER, ('1969-12-31')::DATE ORDER BY TRY("subtract"(('1969-12-31')::DATE, (2147483647)::INTEGER)) DESC NULLS LAST) AS c8 FROM (SELECT (m)::DECIMAL(10,2) AS c4 FROM complete));

-- {"seed":534393,"options":{"taskCount":3,"properties":{"broadcast_threshold":"32MiB","partial_aggregation":"always","partial_aggregation_min_rows":"1","distribution":"always","colocated_execution":"off","default_null_order":"nulls_first"}}}
SELECT * FROM (SELECT c2::DECIMAL(10,2) AS c9, c3::BOOLEAN AS c10, c4::INTEGER[] AS c11 FROM (SELECT * FROM (SELECT c2, c3, ([3, 1, 2])::INTEGER[] AS c4 FROM (SELECT (m)::DECIMAL(10,2) AS c2, (k > 3)::BOOLEAN AS c3 FROM commas) GROUP BY c2, c3) WHERE ((c4) BETWEEN ([])::INTEGER[] AND (CASE WHEN ((c2) IS DISTINCT FROM (c2)) THEN c4 ELSE ([])::INTEGER[] END))) EXCEPT SELECT (-99999999.99)::DECIMAL(10,2)::DECIMAL(10,2) AS c9, (TRUE)::BOOLEAN::BOOLEAN AS c10, CASE WHEN ((c8) < (c8)) THEN ([1, NULL])::INTEGER[] ELSE ([])::INTEGER[] END::INTEGER[] AS c11 FROM (SELECT (v / 8)::DOUBLE AS c8 FROM rebucketed));

-- {"seed":542247,"options":{"taskCount":1,"properties":{"broadcast_threshold":"32MiB","partial_aggregation":"automatic","partial_aggregation_min_rows":"1","distribution":"always","colocated_execution":"on","ieee_floating_point_ops":"false"}}}
SELECT count(*), count(DISTINCT u), min(r) >= 0, max(r) < 1 FROM (SELECT random() AS r, uuid() AS u FROM (SELECT c8::DATE AS c14, c5::DATE AS c15, c7::DATE AS c16 FROM (SELECT c5, ('infinity')::DATE AS c7, c5 AS c8 FROM (SELECT NULL::DATE AS c5 FROM (SELECT (k)::INTEGER AS c1 FROM commas))) INTERSECT ALL SELECT ('1969-12-31')::DATE::DATE AS c14, TRY((('1969-12-31')::DATE) - ((2147483647)::INTEGER))::DATE AS c15, ('2024-02-29')::DATE::DATE AS c16 FROM (SELECT (w)::DECIMAL(30,6) AS c13 FROM nothings))) WHERE r >= 0;

SELECT k FROM first WHERE list_contains([make_date(-2147483648), make_date(k)], make_date(k % 7)) AND {'t': make_timestamp_ns(k)} IS DISTINCT FROM {'t': make_timestamp_ns(-9223372036854775806)};

SELECT k FROM first WHERE [k] > [1] AND l BETWEEN [] AND [5, k] AND {'a': k} < {'a': 4 + length(l)};
