-- Aggregates: in parts, gathered by key, DISTINCT, FILTER, ordered, grouping sets, over nothing.

select k, count(*), sum(v), avg(v), avg(x), sum(x), min(g), max(d), sum(m), avg(m), bool_and(b), bool_or(b) from n1 group by k;

select count(*), sum(v), avg(v), avg(x), min(g), max(d), sum(m), avg(m), bool_and(b), bit_xor(k), product(x) from n1;

select count(*), sum(v), avg(v), avg(x), min(g), max(d), sum(m), avg(m), bool_and(b), count(k), any_value(g) from empty;

select k, count(*), sum(v) from empty group by k;

select count(distinct k) from n1;

select count(distinct k), sum(distinct k), avg(distinct k), count(*), sum(v), min(x) from n1;

select count(distinct k), count(distinct g) from n1;

select g, count(distinct k), sum(distinct v), count(*) from n1 group by g;

select count(distinct k), sum(v) from empty;

select count(distinct k) filter (where v > 0), sum(v) filter (where b) from n1;

select k, sum(v) filter (where b), count(*) filter (where x > 50) from n1 group by k;

select k, median(v), stddev(x), quantile_cont(x, 0.3), approx_count_distinct(v) from n1 group by k;

select median(v), stddev_pop(x), var_samp(x), corr(v, x), string_agg(g, '|' order by g, v), list(v order by v, x) from n1;

select k, string_agg(g, ',' order by g, v), list(v order by v desc, x), arg_max(v, x), arg_min(g, v) from n1 group by k;

select g, k, sum(v) from n1 group by rollup(g, k);

select g, k, grouping(g), grouping(g,k), sum(v), count(*) from n1 group by cube(g, k);

select g, k, count(*) from n1 group by grouping sets ((g), (k), (), (g));

select g, k, count(*) from empty group by grouping sets ((g), (k), ());

select g, count(distinct k) from n1 group by rollup(g);

select k, l, s from n1 group by all;

select l, count(*) from n1 group by l;

select s, sum(v) from n1 group by s;

select count(*) from range(1000) t(i), n1;

select count(*) from n1;

select k, sum(s) from (select k, g, sum(v) s from n1 group by k, g) group by k;

select max(c) from (select k, count(*) c from n1 group by k);

select k, count(*) from n1 where false group by k;

select count(*) from n1 where false;

select count(*) from (select random() r, k from n1) where r >= 0;

select k, last(v order by v, x), first(v order by v, x), arbitrary(b) is not null from n1 group by k;

select sum(k), sum(k::tinyint), sum(k::smallint), sum(k::hugeint), sum(k::ubigint), sum(k::uinteger), sum(x::float), avg(k::tinyint), avg(k::hugeint), avg(x::float), avg(k::ubigint) from n1;

select bit_and(k), bit_or(v), bit_xor(v), bool_and(b), max(l), min(s), max(b), min(d), count_if(v > 0), max(v, 2), min(g, 2) from n1;

select g, bit_and(k), max(l), min(s), count_if(v > 0), sum(b::int), avg(d) from n1 group by g;

select k, fsum(x), kahan_sum(x), favg(x), product(x), geomean(abs(x) + 1), histogram(g) from n1 group by k;

select fsum(x), favg(x), entropy(g), kurtosis(x), skewness(x), regr_slope(x, v), mad(x) from n1;
