"""PostgreSQL's values in Arrow: what psycopg wrote is read back, whatever the types and the NULLs."""

from __future__ import annotations

import datetime as dt
import os
import random
import re
import string
import uuid
from collections.abc import Callable, Iterator
from decimal import Context, Decimal
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from support.source import Source

from wb_server.connectors import decimals
from wb_server.connectors.postgres import inflow as postgres_inflow
from wb_server.connectors.postgres.numeric import observed
from wb_server.kit.errors import InvalidInput, TooLarge

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("WB_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
ROUNDS = int(os.environ.get("WB_ROUNDS", "6"))

EXACT = Context(prec=200)
Made = tuple[str, list[Any], Any]  # an expression, its parameters, and its value in Arrow


@pytest.fixture
def values(direct: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """A schema ``v`` with its own types, dropped afterwards."""
    direct.execute("create extension if not exists citext; create extension if not exists ltree")
    direct.execute("drop schema if exists v cascade; create schema v")
    for made in (
        "type v.mood as enum ('glad', 'sad', 'so so', 'NULL')",
        'type v.price as (amount numeric(10,2), "Unit ""x""" text)',
        "domain v.money2 as numeric(14,4)",
        "domain v.tag as citext",
        "domain v.cost as v.price",
        "type v.deep as (p v.price, tags text[], c v.cost, wide numeric, span interval, m v.mood)",
        "type v.none as ()",
    ):
        direct.execute(f"create {made}")
    yield direct
    direct.execute("drop schema v cascade; drop extension citext cascade; drop extension ltree")


# --- generated -------------------------------------------------------------------------------


class Values:
    """Random values of a type, as psycopg writes them and as Arrow has them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def text(self) -> str:
        odd = [
            "",
            "NULL",
            "null",
            " ",
            "\\",
            '"',
            "{a,b}",
            "(1,2)",
            "ä𝄞",
            "a\nb",
            "'",
            "\\x41",
            ",",
        ]
        if self.random.random() < 0.5:
            return self.random.choice(odd)
        return "".join(self.random.choices(string.printable, k=self.random.randrange(0, 40)))

    def decimal(self, digits: int, scale: int) -> Decimal:
        size = self.random.randrange(1, digits + 1)
        number = self.random.choice([0, 10**size - 1, self.random.randrange(10**size)])
        return Decimal(f"{self.random.choice(['', '-'])}{number}e-{scale}")

    def interval(self) -> tuple[str, pa.MonthDayNano]:
        months, days = self.random.randint(-9999, 9999), self.random.randint(-9999, 9999)
        edge = 2_562_047 * 3_600_000_000
        micros = self.random.choice([0, 1, -1, edge, -edge, self.random.randint(-edge, edge)])
        literal = f"{months} months {days} days {micros} microseconds"
        return literal, pa.MonthDayNano([months, days, micros * 1000])

    def moment(self) -> dt.datetime:
        seconds = self.random.randrange(0, 300_000_000_000)
        return dt.datetime(1, 1, 1) + dt.timedelta(
            seconds=seconds, microseconds=self.random.randrange(10**6)
        )

    def of(self, kind: str) -> Made:
        """A random value of a type, sometimes NULL."""
        if self.random.random() < 0.2:
            return f"null::{kind}", [], None
        if kind.endswith("[]"):
            items = [self.of(kind[:-2]) for _ in range(self.random.choice([0, 1, 1, 2, 7]))]
            sql = ", ".join(item[0] for item in items)
            return (
                f"array[{sql}]::{kind}",
                [each for item in items for each in item[1]],
                [item[2] for item in items],
            )
        if kind in COMPOSITES:
            parts = {name: self.of(part) for name, part in COMPOSITES[kind].items()}
            sql = ", ".join(part[0] for part in parts.values())
            return (
                f"row({sql})::{kind}",
                [each for part in parts.values() for each in part[1]],
                {name: part[2] for name, part in parts.items()},
            )
        return self.scalar(kind)

    def scalar(self, kind: str) -> Made:
        pick: Callable[..., Any] = self.random.choice
        given: Any
        if kind in ("int2", "int4", "int8"):
            edge = 2 ** (8 * int(kind[3:]) - 1)
            given = pick([0, edge - 1, -edge, self.random.randrange(-edge, edge)])
        elif kind == "numeric":
            given = self.decimal(pick([5, 18, 38, 50]), pick([0, 2, 18]))
        elif kind in ("numeric(10,2)", "v.money2", "numeric(60,20)"):
            digits, scale = {"v.money2": (14, 4), "numeric(60,20)": (60, 20)}.get(kind, (10, 2))
            given = self.decimal(digits, scale)
        elif kind == "float8":
            given = pick([0.0, -0.1, 1e308, 5e-324, float("inf"), self.random.random()])
        elif kind == "bool":
            given = pick([True, False])
        elif kind in ("text", "v.tag", "citext", "varchar"):
            given = self.text().replace("\0", "")
        elif kind == "bytea":
            given = self.random.randbytes(self.random.randrange(0, 20))
        elif kind == "uuid":
            given = uuid.UUID(int=self.random.getrandbits(128))
            return f"%s::{kind}", [given], str(given)
        elif kind == "date":
            given = self.moment().date()
        elif kind == "timestamp":
            given = self.moment()
        elif kind == "timestamptz":
            given = self.moment().replace(tzinfo=dt.UTC)
        elif kind == "interval":
            literal, expected = self.interval()
            return "%s::interval", [literal], expected
        elif kind == "v.mood":
            given = pick(["glad", "so so", "NULL"])
        else:
            given = pick(PRINTED[kind])
        return f"%s::{kind}", [given], given


COMPOSITES: dict[str, dict[str, str]] = {
    "v.price": {"amount": "numeric(10,2)", 'Unit "x"': "text"},
    "v.cost": {"amount": "numeric(10,2)", 'Unit "x"': "text"},
    "v.deep": {
        "p": "v.price", "tags": "text[]", "c": "v.cost", "wide": "numeric", "span": "interval",
        "m": "v.mood",
    },
}  # fmt: skip
PRINTED: dict[str, list[str]] = {
    "int4range": ["empty", "[1,5)", "(,7)"],
    "tstzrange": ['["2024-01-01 00:00:00+00",)'],
    "regclass": ["pg_class", "pg_type"],
    "regtype": ["numeric", "timestamp without time zone"],
    "ltree": ["a.b.c", "x"],
    "jsonpath": ['$."a"[*]'],
    "jsonb": ['{"a": [1, null]}', '"x"', "null"],
    "json": ['{"a":  1}', "[]"],
    "inet": ["10.0.0.1/8", "::1"],
    "point": ["(1,2)", "(-0.5,1e+300)"],
    "tsvector": ["'a':1 'b':2"],
    "varbit": ["101", ""],
    "timetz": ["10:00:00.5+05:30", "24:00:00+00"],
    "xid": ["7"],
}
PLAIN = [
    "int2", "int4", "int8", "numeric", "numeric(10,2)", "numeric(60,20)", "v.money2", "float8",
    "bool", "text", "varchar", "v.tag", "citext", "bytea", "uuid", "date", "timestamp",
    "timestamptz", "interval", "v.mood", *PRINTED,
]  # fmt: skip
KINDS = [
    *PLAIN,
    *(f"{kind}[]" for kind in PLAIN),
    "v.price", "v.cost", "v.deep", "v.price[]", "v.cost[]",
]  # fmt: skip


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_random_values_are_read_as_written(
    source: Source, values: psycopg.Connection, round_: int
) -> None:
    print(f"WB_SEED={SEED}")
    generator = Values(SEED + round_)
    size = len(KINDS) if round_ == 0 else 12
    kinds = generator.random.sample(KINDS, size)
    names = [f"c{index}" for index in range(size)]
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(names, kinds, strict=True))
    values.execute(f"create table v.t (id int, {columns})")
    expected: list[dict[str, Any]] = []
    for number in range(generator.random.choice([0, 1, 30])):
        made = [generator.of(kind) for kind in kinds]
        sql = ", ".join(("%s", *(each[0] for each in made)))
        parameters = [number, *(value for each in made for value in each[1])]
        values.execute(f"insert into v.t values ({sql})", parameters)
        expected.append(dict(zip(names, [each[2] for each in made], strict=True)))
    try:
        table = source.table(f"select {', '.join(names)} from v.t order by id")
    finally:
        values.execute("drop table v.t")
    assert not any(isinstance(kind, pa.BaseExtensionType) for kind in table.schema.types)
    rows = table.to_pylist()
    assert len(rows) == len(expected)
    for row, wanted in zip(rows, expected, strict=True):
        for name, kind in zip(names, kinds, strict=True):
            assert row[name] == wanted[name], (kind, SEED + round_)


def test_composite_values_keep_their_nulls_over_batches(
    source: Source, values: psycopg.Connection
) -> None:
    """In turn NULL, a row of NULLs, and a row of values; over several batches."""
    sql = """select case i %% 3 when 0 then null when 1 then row(null, null)::v.price
             else row(i, repeat('x', 60))::v.price end as c, i from generate_series(1, {n}) i"""
    for count in (3, 60_000):
        table = source.table(sql.format(n=count).replace("%%", "%"))
        assert table.num_rows == count
        assert count == 3 or table.column("c").num_chunks > 1
        for index, value in enumerate(table.column("c").to_pylist(), 1):
            full = {"amount": Decimal(index), 'Unit "x"': "x" * 60}
            assert value == [None, {"amount": None, 'Unit "x"': None}, full][index % 3]


def test_a_function_that_makes_a_composite_value_runs_once(
    source: Source, values: psycopg.Connection
) -> None:
    values.execute(
        "create table v.calls (n int); insert into v.calls values (0); "
        "create function v.make() returns v.price stable language plpgsql as $$ begin "
        "raise notice 'called'; return row(nextval('v.s'), 'x')::v.price; end $$; "
        "create sequence v.s"
    )
    with source.open("select v.make() as p", kind="write") as session:
        (batch,) = list(session.run(timeout=10, max_write_rows=10))
    assert batch.to_pylist() == [{"p": {"amount": Decimal(1), 'Unit "x"': "x"}}]
    assert values.execute("select last_value from v.s").fetchone() == (1,)


def test_user_defined_casts_are_not_run(source: Source, values: psycopg.Connection) -> None:
    """Values are read with the types' own output functions."""
    values.execute("create type v.feels as (m v.mood)")
    for kind in ("v.price", "v.mood"):
        name = kind.replace(".", "_")
        for target, body in (("text", "'evil'"), ("jsonb", "'\"evil\"'::jsonb")):
            values.execute(
                f"create function v.{name}_{target}({kind}) returns {target} language sql as "
                f"$$ select {body} $$; "
                f"create cast ({kind} as {target}) with function v.{name}_{target}({kind}) "
                "as implicit"
            )
    table = source.table(
        "select row(1, 'EUR')::v.price as p, array[row(2, 'X')::v.price] as a, 'glad'::v.mood as m,"
        " array['glad'::v.mood] as ms, row(row(3, 'Y')::v.price, 1) as r,"
        " row('glad')::v.feels as f, array[row('sad')::v.feels, null] as fs"
    )
    assert table.to_pylist() == [
        {
            "p": {"amount": Decimal(1), 'Unit "x"': "EUR"},
            "a": [{"amount": Decimal(2), 'Unit "x"': "X"}],
            "m": "glad", "ms": ["glad"], "r": '("(3.00,Y)",1)',
            "f": {"m": "glad"}, "fs": [{"m": "sad"}, None],
        }
    ]  # fmt: skip


def test_an_altered_type_is_read_as_it_is_now(source: Source, values: psycopg.Connection) -> None:
    """The driver remembers a type as it was when it connected."""
    values.execute("create type v.changing as (a int, b text)")
    sql = "select x from (select null::v.changing) t(x)"
    assert source.table(sql).schema.field("x").type.num_fields == 2
    values.execute(
        "alter type v.changing drop attribute a; alter type v.changing add attribute c numeric"
    )
    table = source.table("select row('b', 2.5)::v.changing as x")
    assert table.to_pylist() == [{"x": {"b": "b", "c": Decimal("2.5")}}]


@pytest.mark.parametrize(
    "value",
    [
        "array[[1,2],[3,4]]", "'{{1.5},{2}}'::numeric[]", "array[[row(1,'x')::v.price]]",
        "array[['a'::citext]]", "row(1, array[['a']], null, null, null, null)",
    ],
)  # fmt: skip
def test_more_dimensions_are_refused(
    source: Source, values: psycopg.Connection, value: str
) -> None:
    if value.startswith("row"):
        value = "row(null, array[['a']], null, null, null, null)::v.deep"
    sql = f"select case when i = 2 then {value} end as x, i from generate_series(1, 3) i"
    with pytest.raises(InvalidInput, match="2 dimensions") as caught:
        source.table(sql)
    assert caught.value.code == "unsupported_type"
    assert caught.value.details["column"] == "x"
    # The message's advice works.
    assert source.table(f"select x::text from ({sql}) t").num_rows == 3
    assert source.table(f"select to_jsonb(x) from ({sql}) t").num_rows == 3


def test_arrays_of_composites_with_arrays_are_refused(
    source: Source, values: psycopg.Connection
) -> None:
    with pytest.raises(InvalidInput) as caught:
        source.table("select array[null::v.deep] as x")
    assert caught.value.code == "unsupported_type"


def test_arrays_with_other_lower_bounds_are_read(source: Source) -> None:
    table = source.table("select '[2:3]={5,6}'::int[] as a, '[0:1]={1.5,2}'::numeric[] as b")
    assert table.to_pylist() == [{"a": [5, 6], "b": [Decimal("1.5"), Decimal(2)]}]


@pytest.mark.parametrize("value", ["'2562048 hours'", "'-2562048 hours'", "'100000000 hours'"])
@pytest.mark.parametrize("form", ["interval {}", "array[interval {}]"])
def test_an_interval_that_does_not_fit_is_refused(source: Source, value: str, form: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        source.table(f"select {form.format(value)} as x")
    assert (caught.value.code, caught.value.details["column"]) == ("bad_value", "x")
    assert source.value("select 1") == 1


def test_returned_rows_have_the_same_types(source: Source, values: psycopg.Connection) -> None:
    """The rows that a write returns have the same types, whatever precedes it."""
    values.execute(
        "create table v.w (id int primary key, c v.price, n numeric, t citext, i interval)"
    )
    insert = "insert into v.w values (1, row(1.5, 'x'), 2::numeric^100, 'A', '1 day') returning *"
    move = (
        "with gone as (delete from v.w returning *), \"insert\" as (select '''(insert' as x) "
        "insert into v.w select id + 1, c, n, t, i from gone returning *"
    )
    for number, sql in ((1, insert), (2, move)):
        assert source.rows(sql, "v.w", kind="write") == [
            {
                "id": number, "c": {"amount": Decimal("1.5"), 'Unit "x"': "x"},
                "n": Decimal(2**100), "t": "A", "i": pa.MonthDayNano([0, 1, 0]),
            }
        ]  # fmt: skip
    with pytest.raises(TooLarge) as caught:
        source.table(
            "insert into v.w (id, t) values (3, repeat('x', 40000000)) returning t", kind="write"
        )
    assert caught.value.code == "too_large"
    assert values.execute("select count(*) from v.w").fetchone() == (1,)


def test_explain_and_show_return_rows(source: Source) -> None:
    assert source.table("explain select 1").num_rows == 1
    assert source.value("show server_version")


# --- numeric ---------------------------------------------------------------------------------


def test_numbers_past_38_digits_are_read(source: Source) -> None:
    assert source.value("select 2::numeric ^ 128") == 2**128
    table = source.table("select 9::numeric(60, 20) as a, (10::numeric ^ 75)::numeric as b")
    assert table.schema.types == [pa.decimal256(60, 20), pa.decimal256(76, 0)]
    assert table.to_pylist() == [{"a": Decimal(9), "b": Decimal(10) ** 75}]
    sql = (
        "select sum(a * r) as x, max(a * r) as y from (values (1500.25::numeric(38,18), "
        "1.1734::numeric(38,18)), (99999999999999, 99999999999999)) v(a, r)"
    )
    (row,) = source.rows(sql)
    assert row == {
        "x": EXACT.add(Decimal("1760.39335"), Decimal(99999999999999**2)),
        "y": Decimal(99999999999999**2),
    }


@pytest.mark.parametrize("value", ["10::numeric ^ 76", "-(10::numeric ^ 300)", "1e-80"])
@pytest.mark.parametrize("form", ["{}", "array[{}]"])
def test_a_number_that_does_not_fit_is_refused(source: Source, value: str, form: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        source.table(f"select {form.format(value)} as x")
    assert (caught.value.code, caught.value.details["column"]) == ("numeric_overflow", "x")


@pytest.mark.parametrize(
    ("value", "advice", "answer"),
    [
        ("10::numeric ^ 76", "x::text", "1" + "0" * 76 + "." + "0" * 16),
        ("1e-80::numeric", "x::text", "0." + "0" * 79 + "1"),
        ("(10::numeric ^ 60 + 1e-30)", "x::text", "1" + "0" * 60 + "." + "0" * 29 + "1"),
    ],
)
def test_the_advice_for_a_large_number_works(
    source: Source, value: str, advice: str, answer: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        source.table(f"select x from (select {value} as x) s")
    assert advice in caught.value.message
    found = source.table(f"select {advice} as x from (select {value} as x) s")
    assert found.column("x").to_pylist() == [answer]
    # Where a cast to numeric is suggested too, the database accepts it.
    for cast in re.findall(r"x::numeric\(\d+, \d+\)", caught.value.message):
        source.table(f"select {cast} as y from (select {value} as x) s")


def test_a_products_type_leaves_room_for_later_rows(source: Source) -> None:
    """36 decimal places, most of them zeros in the first batch and none in a later one."""
    small, large = Decimal("2.5"), Decimal("1.000000000000000001")
    table = source.table(
        f"select case when i < 190000 then {small} else {large} end::numeric(38,18) * "
        f"{large}::numeric(38,18) as x from generate_series(1, 200000) i"
    )
    assert table.column("x").num_chunks > 1
    assert table.schema.field("x").type == pa.decimal256(76, 36)
    assert table.column("x")[0].as_py() == EXACT.multiply(small, large)
    assert table.column("x")[-1].as_py() == EXACT.multiply(large, large)


def test_random_decimals_are_read_exactly_or_refused() -> None:
    """Arrow's cast is used only where it is exact: no number becomes another one."""
    generator = Values(SEED)
    print(f"WB_SEED={SEED}")
    exact = 0
    for _ in range(4000):
        number = generator.decimal(
            generator.random.randrange(1, 90), generator.random.randrange(0, 60)
        )
        text = format(number, "f")
        if generator.random.random() < 0.3 and "." in text:
            text += "0" * generator.random.randrange(1, 40)
        texts = pa.array([text, None])
        scale = generator.random.randrange(0, 39)
        kinds = [
            observed(texts, whole=True), observed(texts, whole=False), pa.decimal128(38, scale),
            pa.decimal256(76, scale + generator.random.randrange(0, 38)),
        ]  # fmt: skip
        for kind in kinds:
            before, after = decimals.digits(decimals.trimmed(texts))
            fits = after <= kind.scale and before + kind.scale <= kind.precision
            try:
                assert decimals.read(texts, kind).to_pylist() == [number, None]
                assert fits
                exact += 1
            except pa.ArrowInvalid:
                assert not fits
    assert exact > 4000


def test_each_connections_socket_is_found(source: Source, direct: psycopg.Connection) -> None:
    """Each connection's own socket is found, and released afterwards."""
    files = len(os.listdir("/proc/self/fd"))
    sockets = [source.open("select 1"), source.open("select 2")]
    found = [session._connection.inflow for session in sockets]  # type: ignore[attr-defined]
    assert None not in found
    ports = {inflow._port for inflow in found}
    clients = direct.execute(
        "select client_port from pg_stat_activity "
        "where application_name = 'workbench' and datname = current_database()"
    )
    assert ports <= {port for (port,) in clients}
    assert len(ports) == 2
    for session in sockets:
        session._connection.drop()  # type: ignore[attr-defined]
    assert not ports & postgres_inflow._claimed
    # Behind a pooler the database reports another port: then it is the socket not yet claimed.
    (mine,) = direct.execute("select inet_client_port()").fetchone() or (0,)
    peer = ("127.0.0.1", source.target.config.port)  # type: ignore[attr-defined]
    again = postgres_inflow.Inflow.of(peer, 1)
    assert again is not None
    assert again._port == mine
    assert postgres_inflow.Inflow.of(peer, 1) is None
    again.close()
    assert len(os.listdir("/proc/self/fd")) == files


def test_advice_on_an_unnamed_column_has_a_placeholder(source: Source) -> None:
    with pytest.raises(InvalidInput) as caught:
        source.rows("select array[[1, 2], [3, 4]] || array[[5, 6]]")
    assert "(…)::text" in caught.value.message
    assert caught.value.details["column"] == "?column?"
