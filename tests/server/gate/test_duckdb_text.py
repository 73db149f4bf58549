"""DuckDB parses what the gate renders into the same tree as what was written.

DuckDB returns its parse tree as JSON. So no data is needed, and a difference shows even where both
texts happen to give the same rows. The cases are generated: each value in each place that takes one.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pytest

from wb_server.gate.statement import analyse
from wb_server.kit.errors import WorkbenchError

pytestmark = pytest.mark.slow

Tree = Callable[[str], Any]

# Values that the parser would respell, or whose operator precedence it has wrong.
VALUES = """
j ->> 'k' | j -> 'k' | j -> 'a' ->> 'b' | j ->> '$.a.b' | j -> 0 | (j ->> 'k') | j ->> 'k'::varchar
f.j -> 'k' | json '{"a": 1}' -> 'a' | '{}'::json ->> 'a' | upper(j ->> 'k') | [j ->> 'k', 'x']
{'a': j ->> 'k'} | l[1] | l[1 + 1] | l[-1] | l[1:2] | l[:2] | l[2:] | l[1:5:2] | date[1] | str[1:2]
array[1, 2] | [1, 2] | array[[1], [2]] | map([1], ['a']) | map {'a': 1} | map {'a': 1}['a'] | s.a.b
x -> x + 1 | (x, y) -> x + y | list_transform(l, lambda x: x ->> 'a') | x -> not x | x -> x in (1)
list_reduce(l, lambda x, y: x + y, 0) | row(1, 2) < row(1, 3)
not a | not a in (1) | a not in (1) | a not in [1, 2] | a in [1, 2] | a in l | a not in l
a not between 1 and 2 | not a between 1 and 2 | a is not null | not a is null | a is not true
a not like 'x' | not a like 'x' | a not similar to 'x' | a !~ 'x' | a ~ 'x' | a glob 'x' | a !~~ 'x'
a is distinct from b | a is not distinct from b | a notnull | a isnull | a not null | a ^@ 'x' | a ilike 'x'
interval 3 day | interval '3' day | interval '3 days' | interval (a) day | -interval 1 month
date '2026-01-01' | timestamp '2026-01-01'::varchar | date '2026-01-01'::text | time '10:00' | '1'::bit
a::int | -a::int | (-a)::int | cast(a as decimal(10, 2)) | try_cast(a as json) | a::json | a::int[3]
a::struct(x int, y varchar[]) | a::mood | a::main.mood | a::map(int, varchar) | a::enum('a', 'b')
.5 | 1.50 | 1_000 | 1e3 | +a | - +a | a + +b | -(-a) | 7 // 2 | 2 ** 3 | a % 2 | ~a | a & 1
trim(both 'x' from a) | trim(leading from a) | trim(a) | position('a' in b) | substring(a from 2 for 3)
extract(dow from a) | extract('Year' from a) | a at time zone 'UTC' | current_date | CURRENT_DATE
first(a order by b desc nulls last) | list(a order by b) | count(*) filter (where a > 1) | count(*)
sum(a) filter (a > 1) | quantile_cont(0.5) within group (order by a) | lag(a, 1 ignore nulls) over ()
sum(a) over (order by b rows 2 preceding) | sum(a) over w | list_transform(l, x -> x -> 'a')
sum(a) over (order by b nulls first groups between 1 preceding and 1 following exclude ties)
[x for x in l if x > 1] | [x + i for x, i in l] | case when a then b end | case a when 1 then 2 else 3 end
exists (select 1) | not exists (select 1) | (select 1) | a = any ([1, 2]) | a > all (select 1)
$$it's$$ | 'a\\b' | e'a\\nb' | 'it''s' | 'a' || 'b' | a collate nocase | row(1, 2) | (1, 2) | try(1 / a)
1e3+1e3 | 1e3-1 | 2e-3*2 | interval 1 day + time '10:00' | interval 2 hours + '2026-01-01'::timestamp
list(a).list_sort() | upper(a).concat(b) | (a).upper() | [a, b].list_sum() | l[1].abs() | sum(a).abs()
[1]::int array | [1]::int array[1] | a::timestamp_us | filter(l, x -> x > 1) | apply(l, lambda x: x)
main.upper(a) | struct_pack(a := 1) | unnest(l, recursive := true) | columns('a.*') | columns(c -> true)
"""

OPERANDS = """
j ->> 'k' | j -> 'a' ->> 'b' | upper(j ->> 'k') | l[1 + 1] | map([1], ['a']) | array[1] | [1] | s.a.b
date '2026-01-01' | timestamp '2026-01-01'::varchar | a::int | -a::int | .5 | +a | 7 // 2 | 2 ** 3 | row(1, 2)
trim(both 'x' from a) | position('a' in b) | extract(dow from a) | extract('Year' from a) | current_date
a not between 1 and 2 | a not like 'x' | not a | a is not true
count(*) filter (where a > 1) | sum(a) over (order by b nulls last) | case when a then b end | try(1 / a)
"""

PLACES = """
select {} from f | select {} as t from f | select a from f where {} | select {}, {} from f
select count(*) from f group by {} | select a from f order by {} desc nulls last, a
select coalesce({}, 1) from f | select greatest(1, {}) from f | select [{}] from f
select {{'k': {}}} from f | select case when {} then 1 end from f | select ({}) is null from f
select a from f join g on {} | select a from f where a = ({}) and b | from f select {}
select sum(a) filter (where {}) from f | select rank() over (partition by {} order by a) from f
with t as (select {} as v from f) from t | select (select {}) from f | select a from f qualify {}
"""

QUERIES = """
from a | from a select b | from a join b using (id) select count(*) | from a, b select a.x where a.x = b.x
from a semi join b on a.x = b.x select a.x | from a asof join b on a.t >= b.t | from a positional join b
from a left join b on true left join c using (x) select x | from (from a) select b | from range(3) t(i)
with a as (values (1), (2)) from a | with a as materialized (select 1) from a | values (1, 'a'), (2, 'b')
with recursive r(i) as (values (1) union all select i + 1 from r where i < 3) from r | table a
with recursive r(i) using key (i) as (select 1 union select i + 1 from r where i < 3) from r
select 1 union by name select 2 | (select 1 a) union all by name (select 2 a) | select 1 intersect all select 2
select * exclude (a) replace (b + 1 as b) from t | select * exclude a from t | select * rename (a as b) from t
select t.* exclude (a) from t | select distinct on (a, b) a from t order by a | select a from t limit 10%
select a from t limit (1 + 2)% offset 3 | select a from t fetch first (1 + 1) rows only | select a from t limit all | select #1 from t | select x: 1, y: a from t
from x: t | select a, from t | select a from t group by all order by all desc nulls first
select a from t group by rollup (a, b) | select a from t group by cube (a), grouping sets ((a), ())
select a from t using sample 10 rows | select a from t tablesample reservoir(10%) | select count(*) from a, b
select x from t, unnest(t.l) u(x) | select * from t, lateral (select t.a) u | select * from a natural join b
select a from t where (a, b) in ((1, 2)) | select * like 'a%' from t | select columns(* exclude (a)) + 1 from t
from t unpivot (v for n in (a, b)) | from t pivot (sum(a) for b in ('x', 'y') group by c)
select a from t window w as (order by a) qualify row_number() over w = 1 | from values (1, 2) t(a, b)
"""


def split(text: str) -> Iterator[str]:
    return (each.strip() for line in text.strip().splitlines() for each in line.split(" | "))


@pytest.fixture(scope="module")
def tree() -> Iterator[Tree]:
    with duckdb.connect() as connection:

        def read(sql: str) -> Any:
            row = connection.execute("select json_serialize_sql(?::varchar)", [sql]).fetchone()
            assert row is not None
            return _without_positions(json.loads(row[0]))

        yield read


def _without_positions(node: Any) -> Any:
    if isinstance(node, dict):
        return {k: _without_positions(v) for k, v in node.items() if k != "query_location"}
    return [_without_positions(it) for it in node] if isinstance(node, list) else node


def differing(tree: Tree, cases: Iterator[str]) -> tuple[int, list[str]]:
    """How many cases DuckDB parses, and those that are refused or rendered to another tree."""
    count, found = 0, []
    for sql in cases:
        written = tree(sql)
        if written["error"]:
            continue
        count += 1
        try:
            sent = analyse(sql, "duckdb").sql
        except WorkbenchError as error:
            found.append(f"{sql}\n  {error.code}: {error.message}")
            continue
        if tree(sent) != written:
            found.append(f"{sql}\n  {sent}")
    return count, found


def test_each_value_keeps_its_tree_in_each_place(tree: Tree) -> None:
    pairs = itertools.product(split(PLACES), split(VALUES))
    count, found = differing(tree, (place.format(*[value] * 2) for place, value in pairs))
    assert not found, "\n".join(found)
    assert count > 2_000


def test_each_operator_keeps_its_tree_between_values(tree: Tree) -> None:
    signs = ("and", "or", "=", "<", "+", "||", "->", "->>", "like", "is not distinct from")
    values = split(OPERANDS)
    cases = (
        f"select {a} {sign} {b} from f" for a in values for sign in signs for b in ("a", "'x'")
    )
    count, found = differing(tree, cases)
    assert not found, "\n".join(found)
    assert count > 400


def test_each_query_keeps_its_tree(tree: Tree) -> None:
    count, found = differing(tree, split(QUERIES))
    assert not found, "\n".join(found)
    assert count > 40
