-- CTEs that several places read.

with c as materialized (select k, sum(v) s from n1 group by k) select a.k, a.s, b.s from c a join c b on a.k = b.k + 1;

with c as materialized (select k, sum(v) s from n1 group by k) select * from c where s > (select avg(s) from c) union all select * from c where s < (select min(s) + 100 from c);

with c as materialized (select * from n1 where v > 0) select (select count(*) from c), (select max(v) from c where k = 3), (select count(distinct g) from c);

with a as materialized (select k, count(*) n from n1 group by k), b as materialized (select n, count(*) c from a group by n) select * from a join b using (n) left join b b2 on b2.c = a.n;

with c as materialized (select k, g, max(v) v from n1 group by k, g) select k from c union all select k from c;

with c as materialized (select k, g, max(v) v from n1 group by k, g) select k, count(*) from (select k from c union all select k from c) group by k;

with c as materialized (select k, sum(v) s from n1 group by k) select c1.k from c c1 where exists (select 1 from c c2 where c2.s > c1.s and c2.k < c1.k);
