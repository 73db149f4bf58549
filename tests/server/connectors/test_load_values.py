"""Loads of random rows: the servers' own drivers read back what was loaded, or the load is refused."""

from __future__ import annotations

import datetime as dt
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from support.mariadb import MariaDB
from support.postgres import Cluster
from support.source import Source

from wb_server.connectors.dialled import columns
from wb_server.kit.errors import InvalidInput, TooLarge, WorkbenchError

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("WB_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)


@dataclass
class Target:
    """A server to load into, and a way to query it without the connector."""

    kind: str
    source: Source
    run: Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(params=["postgres", "mysql"])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    if request.param == "postgres":
        cluster: Cluster = request.getfixturevalue("postgres")
        source = request.getfixturevalue("source")
        with cluster.connect() as connection:
            connection.prepare_threshold = None

            def run(*statements: str) -> list[tuple[Any, ...]]:
                for statement in statements:
                    cursor = connection.execute(statement)  # type: ignore[call-overload]
                return cursor.fetchall() if cursor.description else []

            yield Target("postgres", source, run)
            run("drop table if exists loaded")
    else:
        server: MariaDB = request.getfixturevalue("mariadb")
        source = request.getfixturevalue("source_mysql")
        yield Target("mysql", source, lambda *each: [tuple(row) for row in server.execute(*each)])
        server.execute("drop table if exists loaded")


def decimals(rng: random.Random, digits: int, scale: int, count: int) -> list[Decimal | None]:
    numbers = [
        Decimal(
            f"{rng.choice(['', '-'])}{rng.randrange(10 ** rng.randrange(0, digits + 1))}e-{scale}"
        )
        for _ in range(count)
    ]
    ends: list[Decimal | None] = [Decimal(f"{'9' * digits}e-{scale}"), None]
    return ends + numbers


def test_decimals_keep_every_digit(target: Target) -> None:
    """Into tables that the load creates and into existing ones, from decimal128 and decimal256."""
    rng = random.Random(SEED)
    print(f"WB_SEED={SEED}")
    for _ in range(12):
        digits = rng.randrange(1, 66)
        scale = rng.randrange(0, min(digits, 30) + 1)
        wide = digits > 38 or rng.random() < 0.3
        kind = pa.decimal256(digits, scale) if wide else pa.decimal128(digits, scale)
        wanted = decimals(rng, digits, scale, 20)
        rows = pa.table({"id": range(len(wanted)), "x": pa.array(wanted, kind)})
        named = "numeric" if target.kind == "postgres" else "decimal(65,30)"
        fits = target.kind == "postgres" or digits - scale <= 35
        for made in ("", f"create table loaded (id bigint, x {named})"):
            target.run("drop table if exists loaded", *([made] if made else []))
            if made and not fits:
                with pytest.raises(InvalidInput) as caught:
                    target.source.load("loaded", rows)
                assert "x" in caught.value.message
                continue
            target.source.load("loaded", rows)
            found = [value for (value,) in target.run("select x from loaded order by id")]
            assert found == wanted, (digits, scale, made)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.decimal256(76, 0), "9" * 70),
        (pa.decimal256(76, 40), "1e-40"),
        (pa.decimal256(60, 20), "1.00000000000000000001"),
        (pa.decimal128(38, 18), "0.000000000000000001"),
        (pa.decimal128(38, 0), "9" * 38),
    ],
)
@pytest.mark.parametrize("takes", ["decimal(20,4)", "bigint"])
def test_a_number_that_does_not_fit_is_refused(
    target: Target, kind: pa.DataType, value: str, takes: str
) -> None:
    target.run(f"create table loaded (x {takes})")
    rows = pa.table({"x": pa.array([Decimal(value)], kind)})
    with pytest.raises(WorkbenchError) as caught:
        target.source.load("loaded", rows)
    assert caught.value.code in ("bad_value", "numeric_overflow")
    assert "x" in caught.value.message
    assert target.run("select count(*) from loaded") == [(0,)]


def test_trailing_zeros_do_not_count_as_digits(target: Target) -> None:
    target.run("create table loaded (x decimal(60,4))")
    value = Decimal("1" + "0" * 45 + ".25")
    target.source.load("loaded", pa.table({"x": pa.array([value], pa.decimal256(76, 20))}))
    assert target.run("select x from loaded") == [(value,)]


def test_a_decimal_too_wide_for_mysql_is_refused(target: Target) -> None:
    """The type has 76 digits, a MySQL column at most 65: values that fit are loaded, others refused."""
    for value, fits in (("12345678.5", True), ("9" * 66, target.kind == "postgres")):
        target.run("drop table if exists loaded")
        rows = pa.table({"x": pa.array([Decimal(value)], pa.decimal256(76, 4))})
        if fits:
            target.source.load("loaded", rows)
            assert target.run("select x from loaded") == [(Decimal(value),)]
            continue
        with pytest.raises(InvalidInput, match="x") as caught:
            target.source.load("loaded", rows)
        assert caught.value.code == "numeric_overflow"


def test_nested_values_are_loaded(target: Target) -> None:
    """Decimals, bytes and dates in lists and structs."""
    item = pa.struct([("n", pa.decimal256(50, 2)), ("b", pa.binary()), ("d", pa.date32())])
    rows = pa.table(
        {
            "id": [1, 2],
            "s": pa.array(
                [{"n": Decimal("1e40"), "b": b"\0\xff", "d": dt.date(1, 1, 1)}, None], item
            ),
            "l": pa.array([[{"n": None, "b": None, "d": None}, None], []], pa.list_(item)),
        }
    )
    target.source.load("loaded", rows)
    found = target.run("select s, l from loaded order by id")
    if target.kind == "mysql":
        import json

        found = [tuple(None if x is None else json.loads(str(x)) for x in row) for row in found]
    number = "1" + "0" * 40 + ".00"
    assert found == [
        (
            {"n": number, "b": "\\x00ff", "d": "0001-01-01"},
            [{"n": None, "b": None, "d": None}, None],
        ),
        (None, []),
    ]


@pytest.mark.parametrize("target", ["postgres"], indirect=True)
def test_arrays_are_loaded(target: Target) -> None:
    spans = [pa.MonthDayNano([-14, 3, -1_500_000_000]), None]
    kinds: dict[str, pa.Array] = {
        "n": pa.array([[Decimal("1.10"), None, Decimal("-1e30")]], pa.list_(pa.decimal256(50, 2))),
        "i": pa.array([spans], pa.list_(pa.month_day_nano_interval())),
        "t": pa.array([[dt.timedelta(days=-1, seconds=5)]], pa.list_(pa.duration("us"))),
        "b": pa.array([[b"\0'", None, b""]], pa.list_(pa.binary())),
        "o": pa.array([[True, None, False]], pa.list_(pa.bool_())),
        "m": pa.array([[dt.datetime(2024, 1, 2, 3, 4, 5, 6)]], pa.list_(pa.timestamp("us"))),
    }
    target.source.load("loaded", pa.table(kinds))
    table = target.source.table("select * from loaded", "loaded")
    for name, values in kinds.items():
        if name != "t":
            assert table.column(name).to_pylist() == values.to_pylist(), name
    assert table.column("t").to_pylist() == [[pa.MonthDayNano([0, 0, -86_395_000_000_000])]]


@pytest.mark.parametrize("kind", [pa.list_(pa.date32()), pa.struct([("d", pa.date32())])])
def test_a_nested_date_beyond_pythons_range_is_refused(target: Target, kind: pa.DataType) -> None:
    days = pa.array([5_000_000], pa.int32()).view(pa.date32())
    made = (
        pa.ListArray.from_arrays([0, 1], days)
        if pa.types.is_list(kind)
        else pa.StructArray.from_arrays([days], ["d"])
    )
    with pytest.raises(InvalidInput) as caught:
        target.source.load("loaded", pa.table({"x": made}))
    assert (caught.value.code, caught.value.details["column"]) == ("bad_value", "x")


def test_a_batch_is_sent_in_pieces(target: Target) -> None:
    """A batch may have any size; a single row is limited."""
    texts = ["x" * 1000] * 5000 + ["y" * 3_000_000] * 4 + [None]
    rows = pa.table({"id": range(len(texts)), "x": texts})
    if target.kind == "mysql":
        rows = rows.slice(0, 5000)  # a row must fit into max_allowed_packet
    target.source.load("loaded", rows.combine_chunks().to_reader(10**6))  # type: ignore[arg-type]
    found = target.run("select count(*), sum(length(x)), count(distinct id) from loaded")
    assert [int(value) for value in found[0]] == [
        len(rows), sum(len(x) for x in rows.column("x").to_pylist() if x), len(rows),
    ]  # fmt: skip
    batch = pa.record_batch({"x": ["a", "b" * (columns.MAX_ROW_BYTES + 1)]})
    with pytest.raises(TooLarge) as caught:
        list(columns.pieces(batch))
    assert caught.value.code == "too_large"


def test_the_pieces_add_up_to_the_batch() -> None:
    rng = random.Random(SEED)
    texts = ["x" * rng.choice([0, 10, 10_000, 3_000_000]) for _ in range(60)]
    batch = pa.record_batch({"n": range(60), "x": texts})
    made = list(columns.pieces(batch))
    assert len(made) > 5
    assert max(piece.nbytes for piece in made) < 9 * 2**20
    assert pa.Table.from_batches(made).equals(pa.Table.from_batches([batch]))


@pytest.mark.parametrize("target", ["postgres", "mysql"], indirect=True)
def test_values_survive_a_copy_between_servers(
    target: Target, source: Source, source_mysql: Source
) -> None:
    """The exact number whatever its width, or an error that names the column."""
    numbers = "1760.39335, 0, -99999999999999999999999999999999999.123456789012345678901234567890"
    rows = ", ".join(f"({number}, {index})" for index, number in enumerate(numbers.split(", ")))
    asks = {
        source: f"select x::numeric as x, x * 0.125 as y, i from (values {rows}) v(x, i)",
        source_mysql: "select cast(x as decimal(65,30)) as x, cast(x as decimal(65,30)) as y, i "
        f"from (select 0 as x, 0 as i where false union all values {rows}) v",
    }
    for one, sql in asks.items():
        table = one.table(sql)
        for name in ("x", "y"):
            target.run("drop table if exists loaded")
            rows_ = table.select(["i", name])
            fits = target.kind == "postgres" or name == "x" or one is source_mysql
            if not fits:
                with pytest.raises(InvalidInput) as caught:
                    target.source.load("loaded", rows_)
                assert name in caught.value.message
                continue
            target.source.load("loaded", rows_)
            found = [value for (value,) in target.run(f"select {name} from loaded order by i")]
            assert found == table.column(name).to_pylist()
    wide = table.column("x").to_pylist()
    assert wide == [Decimal(number) for number in numbers.split(", ")]
