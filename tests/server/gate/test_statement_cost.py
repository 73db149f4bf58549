"""The gate's work grows with a statement's length, and no faster.

Each shape is analysed at two lengths, one twice the other, and the lines of Python that ran are
counted (``support.work``): a quadratic cost shows as a factor of nearly four.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.work import lines_run

from wb_server.gate.dialects.complexity import MAX_TOKENS
from wb_server.gate.models import DialectName
from wb_server.gate.statement import analyse
from wb_server.kit.errors import WorkbenchError
from wb_server.kit.sizes import MAX_SQL_BYTES

pytestmark = pytest.mark.slow

_Shape = Callable[[int], str]
_LENGTH = 45
_TWICE = 2.15  # a little more than double, to allow for logarithmic growth

DIALECTS: tuple[DialectName, ...] = ("postgres", "duckdb", "mysql")


def _list(item: str, before: str = "SELECT ", after: str = " FROM t", sep: str = ", ") -> _Shape:
    return lambda n: before + sep.join(item.replace("#", str(i)) for i in range(n)) + after


def _run(piece: str, before: str = "SELECT 1", after: str = "") -> _Shape:
    return lambda n: before + piece * n + after


SHAPES: dict[str, _Shape] = {
    "numbers of IN": _list("#", "SELECT 1 FROM t WHERE a IN (", ")"),
    "strings of IN": _list("'#'", "SELECT 1 FROM t WHERE a IN (", ")"),
    "columns": _list("c#"),
    "expressions": _list("c# + 1"),
    "calls": _list("abs(c#)"),
    "arguments": _list("c#", "SELECT concat(", ") FROM t"),
    "casts": _list("cast(c# AS char(10))"),
    "extracts": _list("extract(year FROM c#)"),
    "intervals": _list("c# + interval '1' day"),
    "arrows": _list("c# -> '$.a'"),
    "WHENs": _list("WHEN # THEN 'x'", "SELECT CASE a ", " END FROM t", " "),
    "conditions": _list("a <> #", "SELECT 1 FROM t WHERE ", "", " AND "),
    "unions": _list("SELECT #", "", "", " UNION ALL "),
    "CTEs": _list("c# AS (SELECT 1 AS a)", "WITH ", " SELECT 1"),
    "tables": _list("t#", "SELECT 1 FROM ", ""),
    "joins": _list("JOIN t# ON t#.a = t.a", "SELECT 1 FROM t ", "", " "),
    "keys of a sort": _list("a# DESC", "SELECT 1 FROM t ORDER BY ", ""),
    "keys of a group": _list("a#", "SELECT 1 FROM t GROUP BY ", ""),
    "rows of VALUES": _list("(#, 'a')", "INSERT INTO t VALUES ", ""),
    "subqueries": _list("(SELECT max(a) FROM t#)"),
    "a long string": _run("x" * 10, "SELECT '", "'"),
    "quotes in a string": _run("''" * 5, "SELECT '", "'"),
    "backslashes in a string": _run("\\\\" * 5, "SELECT '", "'"),
    "lines of dashes": _run("\n-- -"),
    "comments first": lambda n: "-- x\n" * n + "SELECT 1",
    "short comments first": lambda n: "/* x */" * n + "SELECT 1",
    "a comment that isn't closed": lambda n: "/* x */" * n + "/*",
    "words of EXPLAIN": lambda n: "EXPLAIN " + "/* x */" * n + "(" + "/* x */" * n + "SELECT 1",
    "options of EXPLAIN": lambda n: "EXPLAIN (" + "VERBOSE, " * n + "COSTS) SELECT 1",
    "a comment of dashes": _run("-" * 10, "SELECT 1 -- "),
    "dashes": _run("-" * 10),
    "signs": _run(" - "),
    "comments": _run("/* x */"),
    "comments in comments": _run("/* "),
    "a comment of stars": _run("*" * 10, "SELECT 1 /*", "*/"),
    "blanks": _run(" " * 10, after="+ 1"),
    "lines": _run("\n" * 10, after="+ 1"),
    "semicolons": _run(";"),
    "dots": _run(".a", "SELECT a"),
    "open brackets": _run("("),
    "brackets": lambda n: "SELECT " + "abs(" * min(n, 50) + "1" + ")" * min(n, 50),
    "stars": _run("*", "SELECT "),
    "strings side by side": _run("'a' ", "SELECT "),
    "an open string": _run("a" * 10, "SELECT '"),
    "digits": _run("1" * 10, "SELECT "),
    "a long name": _run("a" * 10, "SELECT "),
}
OWN: dict[DialectName, dict[str, _Shape]] = {
    "mysql": {
        "names": _list("`c #`"),
        "lines of number signs": _run("\n#"),
        "number signs": _run("#" * 10),
        "hexadecimal numbers": _list("0x41"),
        "hexadecimal strings": _list("x'41'"),
        "double quotes": _list('"a"'),
        "dates": _list("date '2026-01-31'"),
        "variables": _list("@a# := @a# + 1"),
        "variables in CASE": _list("WHEN 1 THEN @a := 1", "SELECT CASE a ", " END", " "),
        "open CASEs": _run("CASE @a := (", "SELECT "),
        "MATCH": _run("MATCH ", "SELECT "),
        "separators": _run("SEPARATOR 'x' ", "SELECT group_concat(a ", ")"),
        "lists in a row": _list("group_concat(a ORDER BY b SEPARATOR '#' LIMIT 1)"),
        "introducers": _list("_utf8mb4'a'"),
        "rows": _list("(#, 'a')", "VALUES ", ""),
        "queries in queries": lambda n: "SELECT (" * min(n, 50) + "1" + ")" * min(n, 50),
        "open queries": _run("SELECT ("),
        "columns of JSON": _list(
            "c# int PATH '$'", "SELECT * FROM json_table(a, '$' COLUMNS (", ")) t"
        ),
        "JSON without an end": _run("json_table(a COLUMNS (a int PATH '$', ", "SELECT * FROM "),
        "index hints": _list("t# USE INDEX (a)", "SELECT 1 FROM ", ""),
        "words of SHOW": _run("a ", "SHOW TABLES "),
    },
    "postgres": {
        "names": _list('"c #"'),
        "dollars": _list("$a$x$a$"),
        "escapes": _list("E'\\n'"),
        "nested comments": lambda n: "SELECT 1" + "/*" * n + "*/" * n,
        "arrays": _list("#", "SELECT ARRAY[", "]"),
        "functions in FROM": _list("unnest(a)", "SELECT 1 FROM ", ""),
        "signs in BETWEEN": _list("a BETWEEN @ 1 AND 2"),
        "BETWEEN without an end": _run("BETWEEN @ a ", "SELECT a "),
        "ESCAPEs": _list("a LIKE b ESCAPE lower(c)"),
        "ESCAPE without LIKE": _run("ESCAPE a ", "SELECT a "),
        "places in columns": _list("a[#].b", "INSERT INTO t (", ") SELECT 1"),
        "INSERT again": _run("INSERT INTO a ", "INSERT INTO a "),
        "MERGE again": _run("MERGE ", "WITH a AS (SELECT 1) "),
        "MERGE of joins": _list(
            "JOIN t# ON true", "MERGE INTO t USING s ", " ON true WHEN MATCHED THEN DELETE", " "
        ),
        "joins with names": _list("JOIN t# USING (a) AS x#", "SELECT 1 FROM t ", "", " "),
        "open USINGs": _run("USING (a, " * 5, "SELECT 1 FROM t "),
        "samples": _list("t TABLESAMPLE system (a + #)", "SELECT 1 FROM ", ""),
        "open samples": _run("t TABLESAMPLE system (" * 5, "SELECT 1 FROM "),
        "rows behind WITH": _list("(#)", "WITH a AS (SELECT 1) VALUES ", ""),
        "open rows behind WITH": _run("WITH a AS (SELECT 1) VALUES (" * 5, ""),
        "WITH in brackets": lambda n: "(" * 3 * n + ") VALUES " * 3 * n,
        "calls of JSON": _list("json_object('a' : b, 'c' VALUE #)"),
        "pairs of JSON": _list("'a' : #", "SELECT json_object(", ")"),
        "JSON in JSON": _run("json_array(" * 5, "SELECT "),
        "columns of JSON": _list(
            "c# int PATH '$' NULL ON ERROR", "SELECT * FROM json_table(a, '$' COLUMNS (", ")) t"
        ),
        "nested columns of JSON": _run(
            "NESTED '$' COLUMNS (", "SELECT json_table(a, '$' COLUMNS ("
        ),
        "XML in XML": _run("xmlelement(NAME a, " * 5, "SELECT "),
    },
    "duckdb": {
        "names": _list('"c #"'),
        "lists": _list("#", "SELECT [", "]"),
        "structs": _list("'a#': #", "SELECT {", "}"),
        "chained calls": _list("a.b.upper()"),
    },
}
PARAMS = "SELECT 1 FROM t WHERE a IN (:many) AND b = :one"


def _params(n: int) -> dict[str, Any]:
    return {"many": list(range(n)), "one": "x" * n * 10}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_work_grows_linearly_with_the_length(dialect: DialectName) -> None:
    shapes = {**SHAPES, **OWN[dialect]}
    asked: list[tuple[str, str, dict[str, Any]]] = []
    for n in (_LENGTH, 2 * _LENGTH):
        asked += [(dialect, shape(n), {}) for shape in shapes.values()]
        asked.append((dialect, PARAMS, _params(n)))
    found = lines_run(asked)
    once, twice = found[: len(shapes) + 1], found[len(shapes) + 1 :]
    grown = {
        name: round(long / short, 2)
        for name, short, long in zip([*shapes, "parameters"], once, twice, strict=True)
        if long > _TWICE * short
    }
    assert not grown


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("numbers of IN", MAX_TOKENS // 2 - 100),
        ("lines of dashes", MAX_SQL_BYTES // 5 - 10),
        ("quotes in a string", MAX_SQL_BYTES // 11),
    ],
)
def test_a_text_of_full_length_is_analysed(dialect: DialectName, name: str, length: int) -> None:
    """With a quadratic cost this would take minutes."""
    assert analyse(SHAPES[name](length), dialect).kind == "read"


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("sql", "params", "code"),
    [
        ("a IN (:l)", {"l": list(range(200_000))}, "too_complex"),
        (" OR ".join(["a IN (:l)"] * 300), {"l": list(range(2_000))}, "too_complex"),
        (" OR ".join(["a = :s"] * 300), {"s": "x" * 900_000}, "too_large"),
        ("a IN (:l)", {"l": ["x" * 900_000] * 300}, "too_large"),
    ],
)
def test_parameters_are_counted_before_they_are_inserted(
    dialect: DialectName, sql: str, params: dict[str, Any], code: str
) -> None:
    with pytest.raises(WorkbenchError) as caught:
        analyse(f"SELECT 1 FROM t WHERE {sql}", dialect, params)
    assert caught.value.code == code
