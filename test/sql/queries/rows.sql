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
