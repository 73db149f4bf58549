"""Lists as parameters: what ``= ANY(:list)`` finds is what Python's ``in`` finds."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import duckdb
import psycopg
import pytest
from support.mariadb import MariaDB

from wb_server.gate.models import DialectName
from wb_server.gate.statement import analyse
from wb_server.kit.errors import InvalidInput, TooLarge

UTC = dt.UTC


def _text(rng: random.Random) -> str:
    return "".join(rng.choices("ab'\"\\,{} \nNULé%;$", k=rng.randint(0, 6)))


def _moment(rng: random.Random) -> dt.datetime:
    return dt.datetime(2026, 1, rng.randint(1, 9), 12, 0, 0, rng.choice([0, 1]))


# A column's type in PostgreSQL and in DuckDB, and its values.
KINDS: dict[str, tuple[str, str, Callable[[random.Random], Any]]] = {
    "int": ("bigint", "bigint", lambda rng: rng.choice([0, -1, 2**31, 2**63 - 1, 5, 6, 7])),
    "numeric": ("numeric", "decimal(30, 2)", lambda rng: Decimal(rng.randint(-9, 9)) / 4),
    "double": ("double precision", "double", lambda rng: rng.choice([0.1, -0.5, 1e300, 3.0])),
    "text": ("text", "varchar", _text),
    "boolean": ("boolean", "boolean", lambda rng: rng.random() < 0.5),
    "date": ("date", "date", lambda rng: _moment(rng).date()),
    "timestamp": ("timestamp", "timestamp", _moment),
    "timestamptz": ("timestamptz", "timestamptz", lambda rng: _moment(rng).replace(tzinfo=UTC)),
    "time": ("time", "time", lambda rng: dt.time(rng.randint(0, 5), 0, 0, 1)),
    "interval": ("interval", "interval", lambda rng: dt.timedelta(rng.randint(-2, 2), 5, 1)),
    "bytes": ("bytea", "blob", lambda rng: rng.randbytes(rng.randint(0, 2)) + b"'\\\x00\""),
}


def _find(values: list[Any], wanted: list[Any], *, inside: bool) -> list[int]:
    """By the rules of SQL: NULL is in no list, and nothing is outside of a list with NULL."""
    known = [each for each in wanted if each is not None]
    if inside:
        return [i for i, each in enumerate(values) if each is not None and each in known]
    if not wanted:
        return list(range(len(values)))
    if None in wanted:
        return []
    return [i for i, each in enumerate(values) if each is not None and each not in known]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dialect", ["postgres", "duckdb"])
def test_any_and_all_find_what_python_finds(
    dialect: DialectName, kind: str, request: pytest.FixtureRequest
) -> None:
    rng = random.Random(f"{dialect} {kind}")
    in_postgres, in_duckdb, make = KINDS[kind]
    values = [None, *(make(rng) for _ in range(12))]
    if dialect == "postgres":
        own: Any = psycopg.connect(request.getfixturevalue("postgres_url"))
        own.execute(f"set timezone = 'UTC'; create temporary table l (id int, v {in_postgres})")
        own.cursor().executemany("insert into l values (%s, %s)", list(enumerate(values)))
    else:
        own = duckdb.connect()
        own.execute(f"set timezone = 'UTC'; create table l (id int, v {in_duckdb})")
        own.executemany("insert into l values (?, ?)", list(enumerate(values)))
    with own:
        for _ in range(20):
            wanted = [
                rng.choice(values[1:]) if rng.random() < 0.5 else make(rng)
                for _ in range(rng.choice([0, 1, 3]))
            ]
            if rng.random() < 0.3:
                wanted.append(None)
            for written, inside in (
                ("v = any(:l)", True),
                ("v <> all (:l)", False),
                ("v in (:l)", True),
            ):
                sql = f"select id from l where {written} order by id"
                sent = analyse(sql, dialect, {"l": wanted}).sql
                found = [row[0] for row in own.execute(sent).fetchall()]
                assert found == _find(values, wanted, inside=inside), (wanted, sent)


def test_a_list_can_be_used_wherever_an_array_can(postgres_url: str) -> None:
    key = str(uuid.uuid4())
    with psycopg.connect(postgres_url) as own:
        own.execute(
            "create type pg_temp.mood as enum ('happy', 'sad');"
            "create temporary table l (k uuid, m mood, tags varchar[], n bigint[]);"
            f"insert into l values ('{key}', 'sad', '{{a,b}}', '{{1,2}}')"
        )
        for where, wanted in (
            ("k = any(:l)", [key]),
            ("m = any((:l))", ["sad", None]),
            ("tags && :l", ["b", "x"]),
            ("n @> :l", [2]),
            ("n = :l::bigint[]", [1, 2]),
            ("array_length(:l, 1) = 2", ["a", "b"]),
            ("exists (select 1 from unnest(:l) as u(x) where x = 'b')", ["a", "b"]),
            ("n[1] = some (:l)", [Decimal("1.00"), 2**70]),
        ):
            sent = analyse(f"select 1 as n from l where {where}", "postgres", {"l": wanted}).sql
            assert own.execute(sent.encode()).fetchall() == [(1,)], sent


def test_lists_of_incompatible_types_are_refused() -> None:
    for wanted in ([1, "a"], [1.5, 2**60 + 1], [dt.date(2026, 1, 1), "x"], [float("nan")], [[1]]):
        with pytest.raises(InvalidInput) as refused:
            analyse("select 1 where 1 = any(:l)", "postgres", {"l": wanted})
        assert refused.value.code == "parameter_type", wanted
    mixed = analyse("select 1 where 1 = any(:l)", "postgres", {"l": [1, 2.5, None]}).sql
    assert "DOUBLE PRECISION[]" in mixed


def test_mysql_suggests_in_instead_of_any() -> None:
    with pytest.raises(InvalidInput, match=r"IN \(:ids\)") as refused:
        analyse("select 1 from t where id = any(:ids)", "mysql", {"ids": [1]})
    assert refused.value.code == "parameter_type"


@pytest.mark.parametrize("dialect", ["postgres", "duckdb", "mysql"])
@pytest.mark.parametrize("written", ["v in (:l)", "v in :l", "v = any(:l)"])
def test_an_oversized_list_is_refused_before_the_text_is_built(
    dialect: DialectName, written: str
) -> None:
    if dialect == "mysql" and "any" in written:
        return
    for values in (list(range(10**9, 10**9 + 200_000)), ["x" * 1000] * 2_000):
        with pytest.raises((TooLarge, InvalidInput)) as refused:
            analyse(f"select 1 as n from t where {written}", dialect, {"l": values})
        assert refused.value.code in ("too_large", "too_complex")


def test_a_list_of_40000_fits_into_any() -> None:
    values = list(range(10**9, 10**9 + 40_000))
    assert (
        len(analyse("select 1 from t where v = any(:l)", "postgres", {"l": values}).sql) > 500_000
    )


SPANS = [
    dt.timedelta(0),
    dt.timedelta(days=40, microseconds=1),
    -dt.timedelta(microseconds=1),
    dt.timedelta(days=-3, hours=5),
]


@pytest.mark.parametrize("span", SPANS)
def test_durations_are_intervals(postgres_url: str, span: dt.timedelta) -> None:
    wire = {"type": "duration", "value": str(span // dt.timedelta(microseconds=1))}
    base = dt.datetime(2026, 3, 1, 12)
    for value in (span, wire):
        params = {"at": base, "span": value}
        with psycopg.connect(postgres_url) as own:
            sent = analyse("select :at + :span as x", "postgres", params).sql
            assert own.execute(sent.encode()).fetchall() == [(base + span,)]
        sent = analyse("select :at + :span as x", "duckdb", params).sql
        assert duckdb.sql(sent).fetchall() == [(base + span,)]


def test_durations_are_times_in_mysql(mariadb: MariaDB) -> None:
    for span in (dt.timedelta(hours=-838, minutes=-59, seconds=-59), SPANS[2], SPANS[3]):
        sent = analyse("select :span as x", "mysql", {"span": span}).sql
        assert mariadb.execute(sent) == ((span,),)
    with pytest.raises(InvalidInput, match="838:59:59"):
        analyse("select :span as x", "mysql", {"span": dt.timedelta(days=40)})
