-- Every join type by equal, null-safe, unequal and other conditions, with NULL keys and empty sides.

select a.k, a.v, b.v from n1 a join n2 b on a.k = b.k;

select a.k, a.v, b.v from n1 a left join n2 b on a.k = b.k;

select a.k, a.v, b.v from n1 a right join n2 b on a.k = b.k;

select a.k, a.v, b.k, b.v from n1 a full join n2 b on a.k = b.k;

select a.k, a.v, b.v from n1 a join n2 b on a.k is not distinct from b.k and a.g = b.g;

select a.k, a.v, b.v from n1 a full join n2 b on a.k is not distinct from b.k and a.v < b.v;

select a.k, a.v, b.v from n1 a join n2 b on a.v < b.v and a.x > b.x;

select a.k, a.v, b.v from n1 a left join n2 b on a.v < b.v and a.k > b.k;

select a.k, a.v, b.v from n1 a full join n2 b on a.v < b.v;

select a.k, a.v, b.v from n1 a right join n2 b on a.v < b.v and a.g = 'red';

select a.k, b.k from n1 a cross join n3 b;

select a.k, b.k from n1 a, n3 b where a.k = b.k or a.v > b.v;

select a.k, b.k from n1 a left join n3 b on a.k = b.k or a.g = b.g;

select a.k, a.g from n1 a semi join n2 b on a.k = b.k;

select a.k, a.g from n1 a anti join n2 b on a.k = b.k;

select a.s, b.v from n1 a join n2 b on a.s = b.s;

select a.l, b.v from n1 a join n2 b on a.l = b.l;

select a.k from n1 a join n2 b on a.k = b.v;

select a.k, b.m from n1 a join n2 b on a.k = b.m;

select a.x, b.m from n1 a left join n2 b on a.x::int = b.m::int;

select a.g, b.v from n1 a join n2 b on lower(a.g) = upper(b.g) or a.g = b.g;

select a.d, count(*) from n1 a join n2 b on a.d = b.d group by a.d;

select * from (values (1, 'a'), (2, 'b')) t(x, y) join n1 on t.x = n1.k;

select * from range(10) t(i) left join n1 on n1.k = t.i;

select count(*) from n1, n2, n3 where n1.k = n2.k and n2.k = n3.k;

select n1.k, count(*) from n1 join n2 on n1.k = n2.k join n3 on n1.k = n3.k group by n1.k;

select n1.k, n2.g, sum(n3.v) from n1 left join n2 on n1.k = n2.k left join n3 on n2.v = n3.v group by 1, 2;

select a.k, count(*) from n1 a full join n2 b on a.k = b.k group by a.k;

select b.k, count(*) from n1 a left join n2 b on a.k = b.k group by b.k;

select a.k, b.k, c.k from n1 a full join n2 b on a.k = b.k full join n3 c on c.k = coalesce(a.k, b.k);

select * from empty full join n3 on empty.k = n3.k;

select * from n3 left join empty on empty.k = n3.k;

select * from n3 right join empty on empty.k = n3.k;

select * from empty cross join n1;

select n1.k, keys.v from n1 join keys on n1.k = keys.k and n1.v + keys.v > 0;

select count(*) from n1 a join n1 b using (k) join n1 c using (k);

select a.k, a.d, b.d from (from n1 where d is not null) a asof join (select distinct k, d from n2) b on a.k = b.k and a.d >= b.d;

select a.k, a.d, b.d from (from n1 where d is not null) a asof left join (select distinct k, d from n2) b on a.k = b.k and a.d < b.d;

select a.k, a.d, b.d from (from n1 where d is not null) a asof left join (select distinct d from n2 where k > 5) b on a.d >= b.d;

select a.g, count(b.v) from (from n1 where d is not null) a asof join (select k, d, max(v) v from n2 group by all) b using (k, d) where b.v > 0 group by a.g;

select a.k, b.v from n1 a full join n2 b on a.k = b.k and a.v > b.v;

select a.k, b.v from n1 a full join n2 b on a.k = b.k or a.v > b.v;

select a.k, b.v from n1 a right join n2 b on a.v < b.v and a.g like 'r%';

select a.k, b.v from n1 a left join n2 b on a.k = b.k and (a.v > b.v or b.g = 'red');

select a.k, a.v from n1 a anti join n2 b on a.k < b.k;

select a.k from n1 a semi join n2 b on a.k is not distinct from b.k and a.v is distinct from b.v;
