"""Random expressions of PostgreSQL and MySQL give the same answers as rendered and as written.

They are built from parts of different precedence: operators, casts, keywords, literals of all kinds.
``WB_SEED`` sets the seed, ``WB_STATEMENTS`` the number of statements.
"""

from __future__ import annotations

import os
import random

from support.honest.corpus import Case, Tally, judge
from support.honest.engines import on_mysql, on_postgres, schema_of
from support.mariadb import MariaDB
from support.postgres import Cluster

NUMBERS = (
    "1", "2.5", "-3", "1e2", "1e3", "7", "null", "amount", "id", "(select max(id) from tree)",
    "abs(-2)", "1::int", "'5'::int", "int '4'", "+2", "@ -3", "|/ 16", "~ 5", "1.e1", ".5",
    "extract(day from date '2026-01-05')", "(array[3,4])[2]", "length('abc')",
    "case when id > 2 then 1 else 2 end", "coalesce(null, 3)",
)  # fmt: skip
TEXTS = (
    "'a'", "status", "'b'::text", "text 'c'", "upper('x')", "null::text", "id::text",
    "date '2026-01-01'::text", "trim(both 'x' from 'xax')", "substring('hello' from 2 for 3)",
    "E'a\\tb'", "$$d$$", "U&'\\0061'", "interval '1 day'::text", "true::text",
    "timestamp '2026-01-01'::varchar", "time with time zone '10:00+01'::text",
)  # fmt: skip
TRUTHS = ("true", "id > 2", "status = 'paid'", "amount is null", "null::bool")
COMPARED = ("<", ">", "<=", ">=", "=", "<>", "!=")
LIKENED = ("like", "not like", "ilike", "~", "!~", "~~", "!~~*", "similar to", "^@", "~>=~", "=")


class Maker:
    """Makes random expressions, recursively from parts that are one level smaller."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def number(self, depth: int) -> str:
        pick = self.random.choice
        if depth == 0:
            return pick(NUMBERS)
        one, other = self.number(depth - 1), self.number(depth - 1)
        sign = pick((" + ", " - ", " * ", "+", "-", "*", " / ", " % ", " ^ "))
        return pick(
            (one, f"{one}{sign}{other}", f"{one}{sign}{other}", f"({one})", f"- ({one})",
             f"@ ({one})", f"{one}::numeric",
             f"case when {self.truth(depth - 1)} then {one} else {other} end")
        )  # fmt: skip

    def text(self, depth: int) -> str:
        pick = self.random.choice
        if depth == 0:
            return pick(TEXTS)
        one, other = self.text(depth - 1), self.text(depth - 1)
        return pick(
            (one, f"{one} || {other}", f"lower({one})", f"({one})", f"coalesce({one}, 'z')",
             f"({self.number(depth - 1)})::text", f'{one} collate "C"')
        )  # fmt: skip

    def truth(self, depth: int) -> str:
        pick = self.random.choice
        if depth == 0:
            return pick(TRUTHS)
        a, b, c = (self.number(depth - 1) for _ in range(3))
        s, t, u = (self.text(depth - 1) for _ in range(3))
        p, q = self.truth(depth - 1), self.truth(depth - 1)
        return pick(
            (f"{a} {pick(COMPARED)} {b}", f"{s} {pick(LIKENED)} {t}", f"{s} {pick(LIKENED)} {t} || {u}",
             f"{p} and {q}", f"{p} or {q}", f"not {p}", f"({p})", f"{a} in ({b}, 1)",
             f"{a} not in ({b}, 2)", f"{a} between {b} and {c}", f"{p} is not true",
             f"({p}) is null", f"{a} is distinct from {b}", f"{a} = any (array[{b}, 1])",
             f"({a}, {s}) = ({b}, {t})")
        )  # fmt: skip


def test_random_expressions_answer_the_same(postgres: Cluster) -> None:
    seed = int(os.environ.get("WB_SEED", "2026"))
    maker = Maker(seed)
    tally = Tally()
    with on_postgres(postgres, schema_of("postgres")) as engine:
        for _ in range(int(os.environ.get("WB_STATEMENTS", "400"))):
            make = maker.random.choice((maker.number, maker.text, maker.truth))
            alias = maker.random.choice(("", " x", " as y", ' "z"'))
            sql = f"select {make(3)}{alias} from orders order by orders.id"
            one = judge([Case(sql, sql)], "postgres", engine)
            tally.total[False] += one.total[False]
            tally.refused[False] += one.refused[False]
            tally.different += one.different
    assert not tally.different, f"seed {seed}: {tally.different}"
    # The remaining refusals are signs before operands of BETWEEN.
    assert tally.rate(False) < 0.05, f"seed {seed}: {tally.refused[False]}"


MYSQL = (
    "id", "amount", "status", "'a'", "'paid'", "null", "0", "1.5", "b'101'", "date '2026-01-05'",
    "length(status)", "(id)", "- id", "! id", "~id", "case when id > 2 then status end",
)  # fmt: skip
MYSQL_SIGNS = (
    " = ", " < ", " <=> ", " + ", " - ", " * ", " div ", " mod ", " << ", " | ", " & ", " ^ ",
    " and ", " or ", " xor ", " && ", " || ", " like ", " not like ", " regexp ", " not regexp ",
    " rlike ",
)  # fmt: skip


def mysql_chain(maker: Maker, length: int) -> str:
    """A chain of operators without brackets, which server and parser might group differently."""
    pick = maker.random.choice
    chain = pick(MYSQL)
    for _ in range(length):
        one, other = pick(MYSQL), pick(MYSQL)
        chain += pick(
            (f"{pick(MYSQL_SIGNS)}{one}", f"{pick(MYSQL_SIGNS)}{one}", f"{pick(MYSQL_SIGNS)}{one}",
             f" in ({one}, {other})", f" not in ({one}, {other})", f" between {one} and {other}",
             f" not between {one} and {other}", " is null", " is not true")
        )  # fmt: skip
    return chain


def test_random_chains_of_mysql_answer_the_same(mariadb: MariaDB) -> None:
    seed = int(os.environ.get("WB_SEED", "2026"))
    maker = Maker(seed)
    tally = Tally()
    with on_mysql(mariadb, schema_of("mysql")) as engine:
        for _ in range(int(os.environ.get("WB_STATEMENTS", "1500"))):
            alias = maker.random.choice(("", " x", " as y", " 'z'"))
            chain = mysql_chain(maker, maker.random.choice((1, 2, 2, 3)))
            sql = f"select {chain}{alias} from orders order by orders.id"
            one = judge([Case(sql, sql)], "mysql", engine)
            if not one.broken:
                tally.total[False] += 1
                tally.refused[False] += one.refused[False]
                tally.different += one.different
    assert not tally.different, f"seed {seed}: {tally.different}"
    # The remaining refusals are NOT among chained comparisons, which need brackets.
    wanted = [it for it in tally.refused[False] if "not_reproducible" not in it]
    assert len(wanted) < 0.02 * tally.total[False], f"seed {seed}: {wanted}"
    assert tally.total[False] > 500
