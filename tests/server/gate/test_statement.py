"""The gate's analysis: what passes, what is refused and why. No database needed."""

from __future__ import annotations

import datetime as dt
import re
import threading
import tracemalloc
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from wb_server.gate import statement
from wb_server.gate.dialects.tables import TableRef
from wb_server.gate.models import DialectName
from wb_server.gate.statement import analyse
from wb_server.kit.errors import Forbidden, InvalidInput, TooLarge, WorkbenchError

HERE = Path(__file__).parent
DIALECTS: tuple[DialectName, ...] = ("postgres", "duckdb")  # with nearly the same syntax
ALL_DIALECTS: tuple[DialectName, ...] = (*DIALECTS, "mysql")


def good_queries() -> Iterator[tuple[DialectName, str]]:
    for dialect in ALL_DIALECTS:
        for name in ("both", dialect) if dialect in DIALECTS else (dialect,):
            text = (HERE / f"statement_good_{name}.sql").read_text()
            for sql in re.split(r"(?m)^---$", text):
                yield dialect, sql.strip()


def bad_statements() -> Iterator[tuple[DialectName, str, str]]:
    dialect = code = ""
    for line in (HERE / "statement_bad.txt").read_text().splitlines()[1:]:
        if line.startswith("## "):
            _, dialect, code = line.split()
        else:
            yield dialect, code, line.replace("\\n", "\n").replace("\\t", "\t")  # type: ignore[misc]


@pytest.mark.parametrize(("dialect", "sql"), list(good_queries()))
def test_good_queries_pass_and_their_text_is_stable(dialect: DialectName, sql: str) -> None:
    statement = analyse(sql, dialect)
    assert statement.kind == "read" and statement.returns_rows and not statement.written
    assert analyse(statement.sql, dialect).tables == statement.tables


@pytest.mark.parametrize(("dialect", "code", "sql"), list(bad_statements()))
def test_bad_statements_are_refused(dialect: DialectName, code: str, sql: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        analyse(sql, dialect)
    assert caught.value.code == code
    assert caught.value.status in (400, 403)
    assert "\x1b" not in caught.value.message and "sqlglot" not in caught.value.message


@pytest.mark.parametrize(
    ("dialects", "sql", "line", "column", "what"),
    [
        (ALL_DIALECTS, "select 1,\n  'abc\nfrom t where a = x", 2, 3, "quote"),
        (ALL_DIALECTS, "select '' as a, -- it's\n 'it''s'\n, \"b", 3, 3, "quote"),
        (ALL_DIALECTS, "select 1 /* a ' b */ + 2 /* c", 1, 26, "comment"),
        (DIALECTS, "select $a$ ' $a$,\n $b$ x $a$", 2, 2, "quote"),
        (("postgres",), "select E'it\\'s', 'a", 1, 18, "quote"),
        (("mysql",), "select 'it\\'s', `a", 1, 17, "quote"),
    ],
)
def test_what_is_not_closed_is_told_with_its_opening(
    dialects: tuple[DialectName, ...], sql: str, line: int, column: int, what: str
) -> None:
    for dialect in dialects:
        with pytest.raises(InvalidInput) as caught:
            analyse(sql, dialect)
        assert (caught.value.details["line"], caught.value.details["column"]) == (line, column)
        place = f"the {what} at line {line}, column {column} isn't closed"
        assert place in caught.value.message, dialect


def test_there_are_enough_cases() -> None:
    good, bad = list(good_queries()), list(bad_statements())
    for dialect in ALL_DIALECTS:
        assert sum(1 for query in good if query[0] == dialect) >= 120
        assert sum(1 for statement in bad if statement[0] == dialect) >= 150


def refs(*names: str) -> tuple[TableRef, ...]:
    split = [name.split(".") for name in names]
    return tuple(TableRef(None, p[0] if len(p) == 2 else None, p[-1]) for p in split)


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("SELECT 1", ()),
        ("SELECT * FROM b, a, s.a, a", ("a", "b", "s.a")),
        ("WITH t AS (SELECT * FROM t) SELECT * FROM t", ("t",)),
        ("WITH t AS (SELECT 1) SELECT * FROM t", ()),
        ("WITH t AS (SELECT 1) SELECT * FROM s.t", ("s.t",)),
        ("WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a, b", ("b",)),
        ("WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT * FROM t", ()),
        ("SELECT * FROM (WITH t AS (SELECT 1) SELECT * FROM t) x, t", ("t",)),
        ("WITH t AS (SELECT 1) SELECT (SELECT count(*) FROM t), (SELECT 1 FROM u)", ("u",)),
        ("WITH t AS (SELECT 1) SELECT 1 UNION SELECT * FROM t", ()),
        ("WITH t AS (WITH u AS (SELECT 1) SELECT * FROM u) SELECT * FROM t, u", ("u",)),
        ('WITH "T" AS (SELECT 1) SELECT * FROM "T"', ()),
        ("SELECT * FROM a x JOIN b ON x.i = b.i WHERE EXISTS (SELECT 1 FROM c)", ("a", "b", "c")),
        ("SELECT a.b FROM a", ("a",)),
        ("SELECT * FROM generate_series(1, 2) AS g", ()),
        ("SELECT * FROM t CROSS JOIN LATERAL (SELECT * FROM u) v", ("t", "u")),
    ],
)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_tables_are_found_by_scope(dialect: DialectName, sql: str, tables: tuple[str, ...]) -> None:
    assert analyse(sql, dialect).tables == refs(*tables)


def test_names_are_folded_as_the_database_does() -> None:
    assert analyse('SELECT * FROM Foo, "Foo", "BÄR", BÄR', "postgres").tables == refs(
        "BÄR", "Foo", "bÄr", "foo"
    )
    assert analyse('SELECT * FROM Foo, "FOO"', "duckdb").tables == refs("foo")
    assert analyse('WITH "T" AS (SELECT 1) SELECT * FROM t', "postgres").tables == refs("t")
    assert analyse('WITH "T" AS (SELECT 1) SELECT * FROM t', "duckdb").tables == ()


def writes() -> Iterator[tuple[str, tuple[TableRef, ...], tuple[TableRef, ...], bool]]:
    for line in (HERE / "statement_writes.txt").read_text().splitlines()[1:]:
        sql, tables, written, returns_rows = line.split(" | ")
        yield sql, refs(*tables.split()), refs(*written.split()), returns_rows == "yes"


@pytest.mark.parametrize(("sql", "tables", "written", "rows"), list(writes()))
def test_writes_name_their_targets(
    sql: str, tables: tuple[TableRef, ...], written: tuple[TableRef, ...], rows: bool
) -> None:
    statement = analyse(sql, "postgres")
    assert statement.kind == "write"
    assert set(statement.tables) == set(tables)
    assert set(statement.written) == set(written)
    assert statement.returns_rows is rows


@pytest.mark.parametrize(("sql", "tables", "written", "rows"), list(writes()))
def test_a_read_only_dialect_refuses_writes(sql: str, tables: Any, written: Any, rows: Any) -> None:
    with pytest.raises(WorkbenchError):
        analyse(sql, "duckdb")


def test_a_syntax_error_says_where() -> None:
    with pytest.raises(InvalidInput) as caught:
        analyse("SELECT a\nFROM t\nWHERE a = )", "postgres")
    assert caught.value.details == {"line": 3, "column": 11, "near": ")"}
    assert "line 3, column 11" in caught.value.message


def test_an_unknown_function_suggests_similar_names() -> None:
    with pytest.raises(Forbidden) as caught:
        analyse("SELECT date_trunk('day', x)", "postgres")
    assert caught.value.details["function"] == "date_trunk"
    assert "date_trunc" in caught.value.details["near"]


@pytest.mark.parametrize(
    ("sql", "sent"),
    [
        ("upper('x')", "pg_catalog.upper('x')"),
        ("Pg_Catalog.Upper('x')", "pg_catalog.upper('x')"),
        ("\"left\"('x', 1)", "pg_catalog.\"left\"('x', 1)"),
        ("count(*) FILTER (WHERE true)", "pg_catalog.count(*) FILTER(WHERE TRUE)"),
        ("sum(1) FILTER (WHERE true) OVER ()", "pg_catalog.sum(1) FILTER(WHERE TRUE) OVER ()"),
        ("mode() WITHIN GROUP (ORDER BY 1)", "pg_catalog.mode() WITHIN GROUP (ORDER BY 1)"),
        ("1 FROM unnest(ARRAY[1]) AS u", "1 FROM pg_catalog.unnest(ARRAY[1]) AS u"),
        (
            "1 FROM LATERAL unnest(ARRAY[1]) WITH ORDINALITY AS u(a, b)",
            "1 FROM LATERAL pg_catalog.unnest(ARRAY[1]) WITH ORDINALITY AS u(a, b)",
        ),
        ("1 FROM unnest(ARRAY[1], ARRAY[2]) AS u", "1 FROM unnest(ARRAY[1], ARRAY[2]) AS u"),
        ("coalesce(1, 2), row(1)", "coalesce(1, 2), row(1)"),
        ("levenshtein('a', 'b')", "levenshtein('a', 'b')"),
    ],
)
def test_functions_of_postgres_are_sent_with_their_schema(sql: str, sent: str) -> None:
    assert analyse(f"SELECT {sql}", "postgres").sql == f"SELECT {sent}"


@pytest.mark.parametrize(
    ("sql", "sent"),
    [
        ("name.upper()", "upper(name)"),
        ("c.name.upper()", "upper(c.name)"),
        ("main.md5('x')", "main.md5('x')"),  # DuckDB's own functions come first there
        ("main.coalesce('x')", "coalesce(main, 'x')"),
        ("a.b.c.d.e.md5()", "md5(a.b.c.d.e)"),
        ("('x').upper().md5()", "md5(upper(('x')))"),
        ("s['a'].upper()", "upper(s['a'])"),
        ("(name).upper()", "upper((name))"),
        ("sum(1) OVER (), evil.sum(1) OVER ()", "sum(1) OVER (), sum(evil, 1) OVER ()"),
        ("list_transform(l, lambda x : x.upper())", "list_transform(l, LAMBDA x : upper(x))"),
        (
            "list_filter(l, lambda x : x.a.upper() = y.b.upper())",
            "list_filter(l, LAMBDA x : upper(x.a) = upper(y.b))",
        ),
        ("1 FROM t, LATERAL evil.range(1)", "1 FROM t, LATERAL range(evil, 1)"),
    ],
)
def test_chained_calls_of_duckdb_name_no_schema(sql: str, sent: str) -> None:
    assert analyse(f"SELECT {sql}", "duckdb").sql == f"SELECT {sent}"


# Parameters ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "postgres", "duckdb"),
    [
        (None, "NULL", "NULL"),
        (True, "TRUE", "TRUE"),
        (5, "CAST(5 AS INT)", "CAST(5 AS INT)"),
        (-5, "CAST(-5 AS INT)", "CAST(-5 AS INT)"),
        (2**40, "CAST(1099511627776 AS BIGINT)", "CAST(1099511627776 AS BIGINT)"),
        (
            2**63,
            "CAST('9223372036854775808' AS DECIMAL(19, 0))",
            "CAST('9223372036854775808' AS DECIMAL(19, 0))",
        ),
        (0.1, "CAST('0.1' AS DOUBLE PRECISION)", "CAST('0.1' AS DOUBLE)"),
        (Decimal("12.30"), "CAST('12.30' AS DECIMAL(4, 2))", "CAST('12.30' AS DECIMAL(4, 2))"),
        (
            {"type": "decimal", "value": "0.001"},
            "CAST('0.001' AS DECIMAL(3, 3))",
            "CAST('0.001' AS DECIMAL(3, 3))",
        ),
        (dt.date(2026, 1, 2), "CAST('2026-01-02' AS DATE)", "CAST('2026-01-02' AS DATE)"),
        (
            {"type": "time", "value": "01:02:03"},
            "CAST('01:02:03' AS TIME)",
            "CAST('01:02:03' AS TIME)",
        ),
        (
            dt.datetime(2026, 1, 2, 3),
            "CAST('2026-01-02 03:00:00' AS TIMESTAMP)",
            "CAST('2026-01-02 03:00:00' AS TIMESTAMP)",
        ),
        (
            {"type": "timestamp", "value": "2026-01-02T03:04:05Z"},
            "CAST('2026-01-02 03:04:05+00:00' AS TIMESTAMPTZ)",
            "CAST('2026-01-02 03:04:05+00:00' AS TIMESTAMPTZ)",
        ),
        (b"\x00\xff", "pg_catalog.decode('00ff', 'hex')", "from_hex('00ff')"),
        (
            {"type": "bytes", "value": "AP8="},
            "pg_catalog.decode('00ff', 'hex')",
            "from_hex('00ff')",
        ),
        ("it's", "'it''s'", "'it''s'"),
        ("\\' OR 1=1 --", "'\\'' OR 1=1 --'", "'\\'' OR 1=1 --'"),
        ("a /* $$ ; :x \n ☃", "'a /* $$ ; :x \n ☃'", "'a /* $$ ; :x \n ☃'"),
        ("", "''", "''"),
    ],
)
def test_parameters_become_literals(value: Any, postgres: str, duckdb: str) -> None:
    assert analyse("SELECT :v AS x", "postgres", {"v": value}).sql == f"SELECT {postgres} AS x"
    assert analyse("SELECT :v AS x", "duckdb", {"v": value}).sql == f"SELECT {duckdb} AS x"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_only_parameters_are_replaced(dialect: DialectName) -> None:
    sql = "SELECT ':a', x::int, x[1:2] /* :b */ FROM t WHERE c = :a -- :d"
    text = analyse(sql, dialect, {"a": 1}).sql
    assert text == "SELECT ':a', CAST(x AS INT), x[1:2] FROM t WHERE c = CAST(1 AS INT)"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_lists_are_expanded_after_in(dialect: DialectName) -> None:
    def where(sql: str, value: Any) -> str:
        return analyse(f"SELECT 1 FROM t WHERE {sql}", dialect, {"l": value}).sql[22:]

    assert where("a IN (:l)", ["x", "y"]) == "a IN ('x', 'y')"
    assert where("a IN :l", ["x"]) == "a IN ('x')"
    assert where("a IN (:l)", "x") == "a IN ('x')"
    assert where("a IN (:l)", []) == "(FALSE)"
    assert where("a NOT IN (:l)", []) == "NOT (FALSE)"
    with pytest.raises(InvalidInput, match=r"IN \(:l\)"):
        where("a = :l", ["x"])
    with pytest.raises(InvalidInput):
        where("a IN (:l)", [["x"]])


def test_parameters_in_duckdb_among_other_colons() -> None:
    text = analyse("SELECT {'a': :x, 'b': c}, y: :x, [1][:n]", "duckdb", {"x": "v", "n": 1}).sql
    assert text == "SELECT {'a': 'v', 'b': c}, 'v' AS y, [1][1]"
    text = analyse("SELECT list_transform([1], lambda y : y + :x)", "duckdb", {"x": 1}).sql
    assert "CAST(1 AS INT)" in text


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "parameter_missing"),
        ({"b": 1}, "parameter_missing"),
        ({"a": 1, "b": 1}, "parameter_unused"),
        ({"a": float("nan")}, "parameter_type"),
        ({"a": float("inf")}, "parameter_type"),
        ({"a": "x\x00"}, "parameter_type"),
        ({"a": "\ud800"}, "parameter_type"),
        ({"a": object()}, "parameter_type"),
        ({"a": [1]}, "parameter_type"),
        ({"a": Decimal("NaN")}, "parameter_type"),
        ({"a": Decimal("1e2000")}, "parameter_type"),
        ({"a": dt.time(1, tzinfo=dt.UTC)}, "parameter_type"),
        ({"a": {"type": "date", "value": "31.12.2026"}}, "parameter_type"),
        ({"a": {"type": "sql", "value": "1"}}, "parameter_type"),
        ({"a": {"type": "decimal", "value": "sNaN"}}, "parameter_type"),
        ({"a": {"type": "decimal"}}, "parameter_type"),
        ({"a": {"type": "bytes", "value": "?"}}, "parameter_type"),
    ],
)
def test_bad_parameters_are_refused(
    dialect: DialectName, params: dict[str, Any], code: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        analyse("SELECT :a", dialect, params)
    assert caught.value.code == code


# Limits -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1", "SELECT 1 LIMIT 10"),
        ("SELECT 1 LIMIT 5", "SELECT 1 LIMIT 5"),
        ("SELECT 1 LIMIT 50", "SELECT 1 LIMIT 10"),
        ("SELECT 1 LIMIT ALL", "SELECT 1 LIMIT 10"),
        ("SELECT 1 LIMIT 50 OFFSET 2", "SELECT 1 LIMIT 10 OFFSET 2"),
        ("SELECT 1 LIMIT 5 + 50", "SELECT 1 LIMIT 5 + 50"),
        ("SELECT 1 UNION SELECT 2", "SELECT 1 UNION SELECT 2 LIMIT 10"),
        ("(SELECT 1 LIMIT 50)", "(SELECT 1 LIMIT 50) LIMIT 10"),
        ("VALUES (1)", "VALUES (1) LIMIT 10"),
        (
            "WITH x AS (SELECT 1 LIMIT 50) SELECT * FROM x",
            "WITH x AS (SELECT 1 LIMIT 50) SELECT * FROM x LIMIT 10",
        ),
    ],
)
def test_the_limit_is_set_on_the_root(dialect: DialectName, sql: str, expected: str) -> None:
    assert analyse(sql, dialect, limit=10).sql == expected


def test_fetch_is_limited_like_limit() -> None:
    sql = "SELECT 1 FETCH FIRST {} ROWS {}"
    for dialect, many, few in (
        ("postgres", "FETCH FIRST 10 ROWS ONLY", "FETCH FIRST 2 ROWS ONLY"),
        ("duckdb", "LIMIT 10", "LIMIT 2"),
    ):
        assert analyse(sql.format(50, "ONLY"), dialect, limit=10).sql == f"SELECT 1 {many}"
        assert analyse(sql.format(2, "ONLY"), dialect, limit=10).sql == f"SELECT 1 {few}"
    ties = "SELECT a FROM t ORDER BY a FETCH FIRST 50 ROWS WITH TIES"
    assert analyse(ties, "postgres", limit=10).sql == ties
    assert analyse("SELECT 1 LIMIT 50%", "duckdb", limit=10).sql.endswith("LIMIT 50 %")


def test_a_write_gets_no_limit() -> None:
    assert "LIMIT" not in analyse("INSERT INTO t SELECT 1", "postgres", limit=10).sql


# Size and depth -----------------------------------------------------------------------------------


def test_a_text_over_the_limit_is_too_large() -> None:
    with pytest.raises(TooLarge):
        analyse("SELECT '" + "x" * 1_000_000 + "'", "postgres")


@pytest.mark.parametrize("text", ["SELECT 1\x00", "SELECT '\x00'", "SELECT '\ud800'"])
def test_nul_bytes_and_lone_surrogates_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        analyse(text, "postgres")
    assert caught.value.code == "syntax_error"


def test_a_long_list_of_parameters_is_limited() -> None:
    with pytest.raises(InvalidInput) as caught:
        analyse("SELECT 1 WHERE 1 IN (:l)", "postgres", {"l": ["x"] * 100_000})
    assert caught.value.code == "too_complex"


DEEP = {
    "parentheses": lambda n: "SELECT " + "(" * n + "1" + ")" * n,
    "calls": lambda n: "SELECT " + "abs(" * n + "1" + ")" * n,
    "type calls": lambda n: "SELECT " + "date(" * n + "1" + ")" * n,
    "not": lambda n: "SELECT " + "NOT " * n + "TRUE",
    "minus": lambda n: "SELECT " + "- " * n + "1",
    "arrays": lambda n: "SELECT " + "ARRAY[" * n + "1" + "]" * n,
    "brackets": lambda n: "SELECT " + "[" * n + "1" + "]" * n,
    "subscripts": lambda n: "SELECT a" + "[1]" * n,
    "casts": lambda n: "SELECT a" + "::int" * n,
    "case": lambda n: "SELECT " + "CASE WHEN TRUE THEN 1 ELSE " * n + "1" + " END" * n,
    "interval": lambda n: "SELECT " + "INTERVAL " * n + "'1'",
    "joins": lambda n: "SELECT 1 FROM t " + "JOIN t " * n + "ON TRUE " * n,
    "subqueries": lambda n: "SELECT * FROM " + "(SELECT * FROM " * n + "t" + ") x" * n,
    "select": lambda n: "SELECT " * n,
    "struct types": lambda n: "SELECT a::" + "STRUCT(a " * n + "int" + ")" * n,
    "plus": lambda n: "SELECT " + "+".join(["a"] * n),
    "arrows": lambda n: "SELECT a" + " -> 'x'" * n,
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", DEEP)
def test_deep_statements_are_refused_and_harmless(dialect: DialectName, name: str) -> None:
    """In a thread with a small stack, as a server's threads have."""
    errors: list[BaseException] = []

    def run() -> None:
        for count in (50, 500, 5000):
            try:
                analyse(DEEP[name](count), dialect)
            except WorkbenchError:
                pass
            except BaseException as error:  # shown by the assert below
                errors.append(error)

    size = threading.stack_size(2 * 1024 * 1024)
    thread = threading.Thread(target=run)
    thread.start()
    threading.stack_size(size)
    thread.join(60)
    assert not thread.is_alive()
    assert not errors


def test_realistic_nesting_passes() -> None:
    sql = "SELECT " + "coalesce(" * 30 + "1" + ", 2)" * 30
    assert analyse(sql, "postgres").kind == "read"
    assert analyse("SELECT " + " OR ".join(["a = 1"] * 300) + " FROM t", "postgres").kind == "read"


@pytest.mark.parametrize("dialect", ALL_DIALECTS)
@pytest.mark.parametrize(
    "sql",
    [
        "select * from " + "t join " * 30 + "t",
        "select * from " + "(t join " * 30 + "t" + ")" * 30,
        "select * from t " + "natural join t " * 30,
    ],
)
def test_joins_without_a_condition_are_not_parsed_for_hours(dialect: DialectName, sql: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        analyse(sql, dialect)
    assert caught.value.code == "too_complex"


@pytest.mark.parametrize("dialect", ALL_DIALECTS)
@pytest.mark.parametrize(
    "piece",
    ["SELECT 1 LIMIT (", "SELECT a FROM t LIMIT 1 + (", "SELECT 1 LIMIT 1 OFFSET abs("],
)
def test_nested_limits_are_not_parsed_for_hours(dialect: DialectName, piece: str) -> None:
    sql = piece * 30 + "SELECT 1" + ")" * 30
    with pytest.raises(InvalidInput) as caught:
        analyse(sql, dialect)
    assert caught.value.code == "too_complex"


@pytest.mark.parametrize("dialect", ALL_DIALECTS)
@pytest.mark.parametrize(
    "sql",
    [
        "select * from a " + "".join(f"join t{n} on a.x = t{n}.x " for n in range(100)),
        "select * from a " + "".join(f"left join t{n} using (x) " for n in range(100)),
        "select * from a " + "cross join b " * 100,
        "select * from a " + "".join(f"natural join t{n} " for n in range(10)),
        " union all ".join(["select x from a natural join b"] * 50),
    ],
)
def test_realistic_joins_pass(dialect: DialectName, sql: str) -> None:
    assert analyse(sql, dialect).kind == "read"


def test_cached_trees_take_little_memory() -> None:
    sql = "select " + ",".join(["a[1]"] * 785)
    assert len(sql) <= statement._CACHED_LENGTH
    statement._parse_cached.cache_clear()
    analyse(sql, "postgres")  # initializes what is made only once
    statement._parse_cached.cache_clear()
    tracemalloc.start()
    kept = statement._parse_cached(sql, "postgres")
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    most = statement._parse_cached.cache_parameters()["maxsize"]
    assert kept is not None
    assert size * most < 100 * 2**20
