-- UNION, INTERSECT and EXCEPT, with and without ALL, NULLs being equal.

select k from n1 union select k from n2;

select k, g from n1 union all select k, g from n2;

select k from n1 intersect select k from n2;

select k from n1 intersect all select k from n2;

select k from n1 except select k from n2;

select k from n1 except all select k from n2;

select k, g from n1 except all select k, g from n3;

select k, count(*) from (select k from n1 union all select k from n2 union all select k from n3) group by k;

select count(*) from (select k from n1 union all select k from empty union all select 5);

select k from n1 union all (select k from n2 order by k limit 3);

select k from n1 except select k from empty;

select k from empty intersect select k from n1;

-- NULL beside zero, in doubles.
select k from n1 union select x from n2;
