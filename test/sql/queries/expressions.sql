-- Scalar expressions on their way through DuckDB's plan and back to SQL.

select * from n1;

select k, unnest(l) u from n1;

select k, case when v > 0 then 1000 / v end q from n1 where v is not null and v <> 0;

select uuid() is not null, k from n1;

select x + 0.1, floor(x), v // 7, v % 3, g || '-' || k, d + interval 1 month, extract(year from d), strftime(d, '%Y/%m') from n1;

select list_transform(l, z -> z + 1), list_filter(l, z -> z > k), struct_extract(s, 'a'), s.b, l[1], len(l) from n1;

select g like 'r%', g ilike '%E%', regexp_matches(g, '^b'), g in ('red', 'blue'), k between 2 and 5, coalesce(g, 'none'), nullif(k, 3) from n1;

select try_cast(g as int), cast(v as varchar), v::double, m::int from n1;

select '  a
  b' || g || E'\t' from n1;

select k from n1 where g = '';

select cast('2024-02-30' as varchar), date '2024-01-01' + k, timestamp '2024-01-01 10:00:00' + to_hours(k) from n1;

select 9007199254740993 + v, 1e308::double * 2, 'nan'::double, 170141183460469231731687303715884105727::hugeint from n1;

select g collate nocase, count(*) from n1 group by 1 order by 1;

select k from n1 where g collate nocase = 'RED' or g collate noaccent = 'uni';

select a.k, b.k from n1 a join n3 b on a.g collate nocase = b.g;

select max(g collate nocase), min(g collate de), count(distinct g collate nocase) from n1;

select l[1:], l[:1], l[2:], l[:-:2], g[2:], g[:2] from n1;

select list_aggregate([g, 'x'], 'string_agg', '|'), list_median(l), list_aggregate(l, 'quantile_cont', 0.25), list_distinct(l) from n1;

select date_part(['year', 'month'], d), s::variant::varchar, s::variant is null from n1;

select k, r from n1, range(k) t(r) where k < 4;

select n1.k, r, count(*) from n1, generate_series(n1.k, n1.k + 2) t(r) join n2 on r = n2.k group by all;

select k, u, o from n1, unnest(l) with ordinality t(u, o);

select k, u from n3 left join lateral (from generate_series(1, k, 2) with ordinality t(u, o)) on true;

select d, r from n1, generate_series(d, d + interval 1 day, interval 1 day) t(r);
