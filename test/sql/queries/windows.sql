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
