-- IN, EXISTS, ANY, ALL and scalar subqueries, plain and correlated, with NULLs on both sides and on none.

select k, v from n1 where k in (select k from n2);

select k, v from n1 where k not in (select k from n2);

select k, v from n1 where k not in (select k from n2 where k is not null);

select k, v from n1 where k not in (select k from empty);

select k, v from empty where k not in (select k from n1);

select k, v from empty where k in (select k from empty);

select k, k in (select k from n2) r from n1;

select k, k not in (select k from n2 where k is not null) r from n1;

select k, k in (select k from empty) r from n1;

select k, (k, g) in (select k, g from n2) r from n1;

select k, (k, g) not in (select k, g from n2) r from n1;

select k, v from n1 where (k, g) not in (select k, g from n2);

select k, v from n1 where not exists (select 1 from n2 where n2.k = n1.k);

select k, v from n1 where exists (select 1 from n2 where n2.k = n1.k and n2.v > n1.v);

select k, v from n1 where not exists (select 1 from n2 where n2.k = n1.k and n2.v > n1.v);

select k, exists (select 1 from n2 where n2.k = n1.k and n2.g = n1.g) e from n1;

select k, v > any (select v from n2) a, v <= all (select v from n3) b from n1;

select k, v in (select v from n2 where n2.k = n1.k) a from n1;

select k, k in (select keys.k from keys where keys.v > n1.v) a from n1;

select k, g not in (select g from n2 where n2.k = n1.k) a from n1;

select k, (select max(v) from n2 where n2.k = n1.k) m from n1;

select k, (select count(*) from n2 where n2.k = n1.k) m from n1;

select k, (select sum(v) from n2 where n2.k = n1.k and n2.v < n1.v) m from n1;

select k, (select max(v) from n2) m from n1;

select k, (select v from empty) m from n1;

select k, (select v from n2) m from n1;

select k, (select v from n2 where n2.k = n1.k) m from n1;

select k, (select any_value(v) from n3 where n3.k is not distinct from n1.k) is null m from n1;

select * from n1 where v > (select avg(v) from n2 where n2.k = n1.k);

select * from n1 where v > (select avg(v) from n2);

select k, (select (select max(n3.v) from n3 where n3.k = n2.k) from n2 where n2.k = n1.k order by 1 limit 1) z from n1;

select a.k, c.m from n1 a, lateral (select max(v) m from n2 where n2.k = a.k) c;

select k, sum(v), (select count(*) from n2) from n1 group by k having sum(v) > (select avg(v) from n2);

select * from n1 where k = (select max(k) from n1);

select count(*) from n1 where (select count(*) from n2 where n2.k = n1.k) > 2 and n1.v < (select max(v) from n3);

select g, sum(v) from n1 where k in (select k from n2 where v > 0) group by g having count(*) > (select count(*) from n3) / 10 order by 1;

select k, v from n1 where (k, g) in (select (k, g) from n2);

select k, v from n1 where (k, g) not in (select (k, g) from n2);

select k, (k, g) in (select (k, g) from n2) r from n1;

select k, (k, g) in (select (k, g) from n2 where n2.v > n1.v) r from n1;

select k, (k, g) in (select (v, g) from n2) r from n1;

select k, s in (select s from n2) r from n1;

select k, [(k, g)] in (select [(k, g)] from n2) r from n1;

select count(*) n from n1 where (k, g) <> all (select (k, g) from n2) group by (k, l);
