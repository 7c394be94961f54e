-- Windows by one key, by several, by none.

select k, sum(v) over (partition by k) s from n1;

select k, v, row_number() over (partition by k order by v, x) r, rank() over (partition by k, g order by v) q from n1;

select k, v, sum(v) over (order by v, k, x rows between 2 preceding and current row) s from n1;

select k, row_number() over (order by v, k, g, x, m) r, lag(v, 2, -1) over (partition by g order by v, k, x) l, ntile(4) over (partition by g order by v, k, x) n from n1;

select k, count(*) over () c, avg(v) over (partition by g) a from n1;

select k, first_value(v) over (partition by k order by v, x range between unbounded preceding and unbounded following) f, percent_rank() over (partition by k order by v) p from n1;

select * from (select k, v, row_number() over (partition by k order by v, x, g) r from n1) where r <= 2;

select row_number() over () r, v from n1;

select k, sum(v) over (partition by k) from empty;

select k, v from n1 qualify row_number() over (partition by g order by v, k) <= 2;

select n1.k, n2.v from n1 join n2 on n1.k = n2.k qualify row_number() over (partition by n1.g order by n2.v, n1.v) = 1;

select k, r from (select k, rank() over (partition by g order by v) r from n1) where r < 3;

select k, row_number() over (order by v, k, x) r from n1 qualify r <= 4;

select k, sum(v) over (partition by g) a, rank() over (partition by g, k order by v) b from n1;

select k, sum(v) over (partition by g) a, rank() over (partition by k order by v) b, count(*) over () c from n1;

select count(*) over (partition by g order by v groups between 1 preceding and 1 following exclude ties) from n1;

select count(*) filter (where v > 0) over (partition by g), count(distinct k) over (partition by g) from n1;

select max(v) over (partition by g order by d range between interval 3 day preceding and interval 1 day following exclude current row) from n1;

select lag(v, 2, -1) over w, lead(v ignore nulls) over w, nth_value(v, 2) over w, ntile(3) over w, cume_dist() over w, percent_rank() over w from n1 window w as (partition by g order by k, v, x);

select sum(v) over (partition by g order by k, v, x rows between 1 preceding and unbounded following exclude group) from n1;
