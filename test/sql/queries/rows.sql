-- DISTINCT, ORDER BY, LIMIT, and rows from nowhere.

select distinct k, g from n1;

select distinct on (k) k, g, v from n1 order by k, v, g, x;

select k, g, v from n1 order by v desc nulls last, k, g, x limit 7 offset 3;

select v from n1 order by v nulls first;

select count(*) from (select * from n1 limit 10);

select count(*) from (select * from n1 limit 10 offset 95);

select count(*) from (select * from n1 limit 0);

select count(*) from (select * from n1 offset 90);

select v from n1 order by v limit 30%;

select 1;

select 1 + 2 a, 'x' b, null c;

values (1, 'a'), (2, null);

select k from empty order by k limit 3;

select k, v from n1 order by k desc nulls first, v nulls first, g, x, m limit 5;

select * from (select v from n1 order by v limit 10) order by v desc limit 3;

select k, u from n1, unnest(l) t(u);

select k, u from n1, unnest([k, 3, null]) t(u) where u > 2;

select k, u from n1 left join unnest(list_filter(l, lambda x: x > 1)) t(u) on true;

select k, (select sum(u) from unnest(l) t(u)) r from n1;

select k, u, w from n1, unnest(l) t(u), unnest([u, u + 1]) s(w);

select u, count(*) from n1, unnest(list_concat(l, [k])) t(u) group by u;

select count(*) from n1, unnest(list_concat(l, [k])) t(u);

select a.k, u from n1 a join unnest([1, 3, 5, null]) t(u) on a.k = u;

select * from unnest([[1, 2], null, [3]]) t(u);
