"""Frames keep every value, however types are nested: random Arrow tables, compared cell by cell."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from wb_kernels.frames import arrow_table
from wb_server.client import QueryError, python_values, to_pandas
from wb_server.client.frames import to_polars
from wb_server.client.texts import interval_text
from wb_server.client.values import distinct

UTC = dt.UTC
_INTERVAL = pa.month_day_nano_interval()


def _whole(bits: int, signed: bool = True) -> Callable[[random.Random], int]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return lambda dice: dice.choice([low, high, 0, 1, dice.randint(low, high)])


def _decimal(digits: int, scale: int) -> Callable[[random.Random], Decimal]:
    def make(dice: random.Random) -> Decimal:
        number = dice.randint(0, 10 ** dice.randint(1, digits) - 1)
        text = f"{number:0{scale + 1}}"
        point = len(text) - scale
        return Decimal(f"{dice.choice(['', '-'])}{text[:point]}.{text[point:] or 0}")

    return make


def _moment(dice: random.Random) -> dt.datetime:
    first, last = dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999)
    between = first + dt.timedelta(microseconds=dice.randrange(10**6 * 86_400 * 3_652_058))
    return dice.choice([first, last, between])


LEAVES: list[tuple[pa.DataType, Callable[[random.Random], Any]]] = [
    (pa.int16(), _whole(16)),
    (pa.int64(), _whole(64)),
    (pa.uint64(), _whole(64, signed=False)),
    (pa.bool_(), lambda dice: dice.random() < 0.5),
    (pa.float64(), lambda dice: dice.choice([0.1, -1e300, 5e-324, dice.random()])),
    (pa.string(), lambda dice: dice.choice(["", "é\0'\"", "\U0001f600" * dice.randint(0, 3)])),
    (pa.binary(), lambda dice: dice.randbytes(dice.randint(0, 4))),
    (pa.decimal128(38, 10), _decimal(38, 10)),
    (pa.decimal256(50, 4), _decimal(38, 4)),
    (pa.date32(), lambda dice: _moment(dice).date()),
    (pa.timestamp("us"), _moment),
    (pa.timestamp("us", "UTC"), lambda dice: _moment(dice).replace(tzinfo=UTC)),
    (pa.time64("us"), lambda dice: _moment(dice).time()),
    (pa.duration("us"), lambda dice: dt.timedelta(microseconds=_whole(60)(dice))),
    (_INTERVAL, lambda dice: pa.MonthDayNano([_whole(32)(dice), _whole(32)(dice), _whole(64)(dice)])),
]  # fmt: skip


def _type(dice: random.Random, depth: int) -> tuple[pa.DataType, Callable[[], Any]]:
    """A random type, and a function that makes values of it."""
    kind, leaf = dice.choice(LEAVES)
    shape = dice.choice(["leaf", "list", "struct", "map", "fixed"]) if depth else "leaf"
    inner, make = _type(dice, depth - 1) if shape != "leaf" else (kind, lambda: leaf(dice))

    def hole(value: Callable[[], Any]) -> Any:
        return None if dice.random() < 0.3 else value()

    if shape == "list":
        return pa.list_(inner), lambda: [hole(make) for _ in range(dice.randint(0, 3))]
    if shape == "fixed":
        return pa.list_(inner, 2), lambda: [hole(make), hole(make)]
    if shape == "struct":
        fields = [pa.field("a", inner), pa.field("b", pa.int64())]
        return pa.struct(fields), lambda: {
            "a": hole(make),
            "b": hole(lambda: dice.choice([2**53 + 1, -1])),
        }
    if shape == "map":
        return pa.map_(pa.string(), inner), lambda: [
            (f"k{i}", hole(make)) for i in range(dice.randint(0, 3))
        ]
    return inner, make


def _plain(value: Any) -> Any:
    """Converts a frame's value back to the Python value it was made from."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    if isinstance(value, pd.Timedelta):
        return value.to_pytimedelta()
    if isinstance(value, pd.DateOffset):
        return pa.MonthDayNano([value.months, value.days, value.nanoseconds])
    if isinstance(value, dict):
        if set(value) == {"months", "days", "nanoseconds"}:
            return pa.MonthDayNano([value["months"], value["days"], value["nanoseconds"]])
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple) and not isinstance(value, pa.MonthDayNano):
        return tuple(_plain(item) for item in value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _as_polars(value: Any, kind: pa.DataType) -> Any:
    """Converts a value from polars, where maps are dictionaries unless a type isn't supported."""
    if isinstance(value, dict) and pa.types.is_map(kind):
        return [(key, _as_polars(item, kind.item_type)) for key, item in value.items()]
    if isinstance(value, list) and pa.types.is_map(kind):
        return [(each["key"], _as_polars(each["value"], kind.item_type)) for each in value]
    if isinstance(value, list | pl.Series):
        return [_as_polars(item, kind.value_type) for item in value]
    if isinstance(value, dict) and pa.types.is_struct(kind):
        return {key: _as_polars(item, kind.field(key).type) for key, item in value.items()}
    return value


def _sent(table: pa.Table) -> pa.Table:
    """A table after a round trip through an Arrow stream, as from the service."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return pa.ipc.open_stream(sink.getvalue()).read_all()


@pytest.mark.parametrize("seed", range(40))
def test_random_tables(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(10):
        kind, make = _type(dice, dice.choice([0, 1, 1, 2, 3]))
        values = [None if dice.random() < 0.3 else make() for _ in range(dice.randint(0, 9))]
        # Rows come in batches, and a slice of a table may start in the middle of one.
        chunks = pa.chunked_array(
            [pa.array([None, *values[:4]], kind).slice(1), pa.array(values[4:], kind)], kind
        )
        assert python_values(chunks) == values, kind
        table = _sent(pa.table({"v": chunks, "w": chunks.is_valid()}))
        series = to_pandas(table)["v"]
        found = [_plain(value) for value in series.tolist()]
        if kind == pa.date32():
            found = [value and value.date() for value in found]
        if kind == pa.float64():
            found = [None if value != value else value for value in found]
        if kind == pa.string():
            found = [None if isinstance(value, float) else value for value in found]
        assert found == values, (kind, series.dtype)
        polars = to_polars(table)["v"].to_list()
        found = [_plain(_as_polars(value, kind)) for value in polars]
        assert found == values, kind


def test_integers_in_lists_stay_integers() -> None:
    table = pa.table({"v": [[2**53 + 1, None], None], "s": [[{"a": 2**53 + 1}, {"a": None}], None]})
    frame = to_pandas(table)
    assert frame["v"].tolist() == [[2**53 + 1, None], None]
    assert frame["s"].tolist() == [[{"a": 2**53 + 1}, {"a": None}], None]
    assert type(frame["v"][0][0]) is int


FAR = [
    (pa.date32(), 3_672_713, "12025-07-19"),
    (pa.date32(), -2_440_588, "4714-11-24 BC"),
    (pa.timestamp("us"), 317_322_403_200_000_001, "12025-07-19 00:00:00.000001"),
    (pa.timestamp("us", "UTC"), -(2**57), "2598-03-05 03:18:44.144128+00:00 BC"),
    (pa.timestamp("ns"), 1_234_567_890_123_456_789, "2009-02-13 23:31:30.123456789"),
    (pa.time64("us"), 86_400_000_000, "24:00:00"),
    (pa.time64("ns"), 1, "00:00:00.000000001"),
    (pa.duration("ns"), -1, "-00:00:00.000000001"),
]


@pytest.mark.parametrize(("kind", "number", "text"), FAR)
def test_values_beyond_pythons_range_become_text(kind: pa.DataType, number: int, text: str) -> None:
    values = pa.array([number, None], kind)
    (found, missing) = python_values(values)
    assert found == text and missing is None
    assert python_values(pa.array([[number]], pa.list_(kind))) == [[found]]


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us"), pa.timestamp("us", "UTC")])
def test_a_frame_shows_years_beyond_pythons_range(kind: pa.DataType) -> None:
    far = 3_672_713 if kind == pa.date32() else 3_672_713 * 86_400_000_000
    frame = to_pandas(pa.table({"v": pa.array([far, None], kind)}))
    assert "12025-07-19" in repr(frame) and frame["v"].dt.year[0] == 12025
    assert to_polars(pa.table({"v": pa.array([far], kind)}))["v"].dt.year()[0] == 12025


def test_a_zone_is_kept_within_pythons_years() -> None:
    last = dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    values = pa.array([dt.datetime(1, 1, 1, tzinfo=UTC), last], pa.timestamp("us", "UTC"))
    frame = to_pandas(pa.table({"v": values}))
    assert str(frame["v"].dtype) == "datetime64[us, UTC]"
    assert repr(frame) and frame["v"][1].to_pydatetime() == last


def test_more_than_38_digits() -> None:
    long, short = Decimal(2**128), Decimal("1.50")
    fits = pa.table({"v": pa.array([short, None], pa.decimal256(76, 40))})
    assert to_polars(fits)["v"].to_list() == [short, None]
    table = pa.table({"n": [1], "rate": pa.array([[long]], pa.list_(pa.decimal256(60, 2)))})
    assert to_pandas(table)["rate"][0] == [long]
    with pytest.raises(QueryError, match="“rate”") as refused:
        to_polars(table)
    assert refused.value.code == "numeric_overflow"
    kept = to_pandas(pa.table({"v": pa.array([long, short], pa.decimal256(60, 2))}))
    assert kept["v"].sum() == Decimal("340282366920938463463374607431768211457.50")


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ((0, 0, 4_500_000_000_000), "01:15:00"),
        ((1, 14, 28_800_000_000_000), "1 mon 14 days 08:00:00"),
        ((14, 0, 0), "1 year 2 mons"),
        ((-14, 3, -1_500_000_000), "-1 years -2 mons 3 days -00:00:01.500000"),
        ((0, 0, 0), "00:00:00"),
        ((0, 1, 1), "1 day 00:00:00.000000001"),
        ((0, 0, 2_562_047 * 3600 * 10**9), "2562047:00:00"),
    ],
)
def test_intervals_are_readable(parts: tuple[int, int, int], text: str) -> None:
    assert interval_text(pa.MonthDayNano(list(parts))) == text


def test_two_fields_with_the_same_name() -> None:
    twice = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    assert python_values(twice) == [{"a": 1, "a_1": 2}]
    assert distinct(["a", "a", "a_1"]) == ["a", "a_2", "a_1"]


_NOON = dt.datetime(2026, 1, 1, 12)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([dt.date(2026, 1, 1), _NOON], "dates and times without a zone"),
        ([_NOON, _NOON.replace(tzinfo=UTC)], "times in a zone and times without a zone"),
        ([2.5, True], "floats and truth values"),
        (["x", b"y"], "bytes and texts"),
        ([dt.time(1, tzinfo=UTC)], "times of day in a zone"),
        ([pd.Timedelta(1), dt.timedelta(1)], "nanoseconds"),
        (["x", 1], "Could not convert|Expected"),
    ],
)
def test_values_that_arrow_would_change_are_refused(values: list[Any], says: str) -> None:
    """It takes the type of the first one, so that a date would lose the time of the next."""
    for frame in (
        pd.DataFrame({"v": pd.Series(values, dtype=object)}),
        [{"v": value} for value in values],
    ):
        with pytest.raises(QueryError, match=says) as caught:
            arrow_table(frame)
        assert caught.value.code == "bad_frame" and "“v”" in str(caught.value)


def test_frames_that_arrow_takes_differently_are_refused_or_kept_whole() -> None:
    rows = [{"a": 1}, {"b": 2}, {"a": None, "b": 3}]
    assert arrow_table(rows).to_pydict() == {"a": [1, None, None], "b": [None, 2, 3]}
    days = pd.DataFrame({"v": pd.Series([dt.date(2026, 1, 1), pd.NaT, None], dtype=object)})
    assert arrow_table(days).to_pydict() == {"v": [dt.date(2026, 1, 1), None, None]}
    for frame, says in (
        (pd.DataFrame({"v": pd.period_range("2026-01", periods=1, freq="M")}), "to_timestamp"),
        (pl.DataFrame({"v": pl.Series([2**100], dtype=pl.Int128)}), "can't become a table"),
    ):
        with pytest.raises(QueryError, match=says):
            arrow_table(frame)
