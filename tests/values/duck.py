"""Random tables in a DuckDB file, written and read back by DuckDB."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from . import compare
from .tables import Column, Kind, Make, Table, Written, digits, double, text, whole


def _number(make: Callable[[random.Random], int], most: int = 2**200) -> Make:
    def made(dice: random.Random) -> Written:
        number = make(dice)
        return Written(str(number), odd=not -most <= number < most)

    return made


def _of(*values: str, odd: tuple[str, ...] = ()) -> Make:
    return lambda dice: (
        Written(dice.choice(odd), odd=True)
        if odd and dice.random() < 0.05
        else Written(dice.choice(values))
    )


def _decimal(before: int, after: int) -> Make:
    return lambda dice: Written(digits(dice, before, after))


def _date(dice: random.Random) -> str:
    year = dice.choice([1, 1582, 1970, 2026, 9999, 12_024, 290_000])
    return f"{year:04}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}"


def _moment(zone: str, *, nanos: bool = False) -> Make:
    def make(dice: random.Random) -> Written:
        if dice.random() < 0.03:
            return Written("infinity", odd=True)
        day = "2026-01-31" if nanos else _date(dice)
        part = dice.choice(["", ".5", ".000001", *([".000000001"] if nanos else [])])
        return Written(f"{day} {_clock(dice)}{part}{zone}")

    return make


def _clock(dice: random.Random) -> str:
    return f"{dice.randint(0, 23):02}:{dice.randint(0, 59):02}:{dice.randint(0, 59):02}"


def _interval(dice: random.Random) -> Written:
    months, days = dice.choice([0, 1, 14, -25, 2**31 - 1]), dice.choice([0, 3, -3, 2**31 - 1])
    micros = dice.choice([0, 1, -1, 4_500 * 10**6, 2**62])
    return Written(
        f"{months} months {days} days {micros} microseconds",
        odd=abs(micros) > 2**63 // 1000,
        known=compare.interval(months, days, micros * 1000),
    )


def _text(dice: random.Random) -> Written:
    return Written(text(dice))


def _item(make: Make, dice: random.Random) -> str:
    if dice.random() < 0.2:
        return "NULL"
    value = make(dice)
    while value.odd:
        value = make(dice)
    return "'" + value.value.replace("'", "''") + "'"


def _list(make: Make, kind: str, *, count: int | None = None) -> Make:
    def made(dice: random.Random) -> Written:
        size = dice.randint(0, 3) if count is None else count
        return Written(f"[{', '.join(f'{_item(make, dice)}::{kind}' for _ in range(size))}]")

    return made


def _struct(**parts: tuple[Make, str]) -> Make:
    def made(dice: random.Random) -> Written:
        shown = [f"{n}: {_item(make, dice)}::{kind}" for n, (make, kind) in parts.items()]
        return Written("{" + ", ".join(shown) + "}")

    return made


def _map(make: Make, kind: str) -> Make:
    def made(dice: random.Random) -> Written:
        keys = dice.sample(["a", "b", "ü"], dice.randint(0, 3))
        values = ", ".join(f"{_item(make, dice)}::{kind}" for _ in keys)
        return Written(f"map({keys}::varchar[], [{values}]::{kind}[])")

    return made


_BIG = _number(whole(64))
_INT8 = 2**63


def _moments(value: int | None) -> Any:
    return None if value is None else compare.moment(value * 1000)


def _kinds(dice: random.Random) -> list[Kind]:
    precision = dice.choice([1, 5, 18, 37, 38])
    scale = dice.randint(0, precision)
    ticks = "epoch_us({})"
    return [
        Kind("tinyint", "tinyint", _number(whole(8))),
        Kind("utinyint", "utinyint", _number(whole(8, signed=False))),
        Kind("smallint", "smallint", _number(whole(16))),
        Kind("usmallint", "usmallint", _number(whole(16, signed=False))),
        Kind("integer", "integer", _number(whole(32))),
        Kind("uinteger", "uinteger", _number(whole(32, signed=False))),
        Kind("bigint", "bigint", _BIG),
        Kind("ubigint", "ubigint", _number(whole(64, signed=False))),
        Kind("hugeint", "hugeint", _number(whole(128), _INT8)),
        Kind("uhugeint", "uhugeint", _number(whole(128, signed=False), _INT8)),
        Kind("boolean", "boolean", _of("true", "false")),
        Kind("float", "float", _of("0.1", "1e-45", "3.4028235e38", "nan", "-inf", "16777217")),
        Kind("double", "double", lambda dice: Written(repr(double(dice)))),
        Kind("decimal", f"decimal({precision}, {scale})", _decimal(precision - scale, scale)),
        Kind("varchar", "varchar", _text),
        Kind("enum", "v_mood", _of("happy", "so la la", "ü")),
        Kind("json", "json", _of('{"a": [1, 2.50, null]}', "[]", "null", "12345678901234567890")),
        Kind("uuid", "uuid", lambda dice: Written(str(uuid.UUID(int=dice.getrandbits(128)))), "{}::varchar"),
        Kind("blob", "blob", _of("\\x00\\xFF", "", "abc")),
        Kind("bit", "bit", _of("10101", "0"), "{}::varchar"),
        Kind("date", "date", lambda dice: Written("infinity", odd=True) if dice.random() < 0.03 else Written(_date(dice)),
             "case when isfinite({0}) then {0} - date '1970-01-01' when {0} is not null then 0 end", lambda n: None if n is None else compare.day(n)),
        Kind("timestamp", "timestamp", _moment(""), ticks, _moments),
        Kind("timestamptz", "timestamptz", _moment("+05:30"), ticks, _moments),
        Kind("timestamp_s", "timestamp_s", _of("2026-01-31 12:00:00", "1969-12-31 23:59:59"), ticks, _moments),
        Kind("timestamp_ms", "timestamp_ms", _of("2026-01-31 12:00:00.5"), ticks, _moments),
        Kind("timestamp_ns", "timestamp_ns", _moment("", nanos=True), "epoch_ns({})", lambda n: None if n is None else compare.moment(n)),
        Kind("time", "time", lambda dice: Written(_clock(dice) + ".000001") if dice.random() < 0.97 else Written("24:00:00", odd=True),
             canon=lambda value: compare.clock(86_400 * 10**9) if value == "24:00:00" else compare.canon(value)),
        Kind("timetz", "timetz", lambda dice: Written(_clock(dice) + "+05:30"), "{}::varchar"),
        Kind("interval", "interval", _interval),
        Kind("bigint[]", "bigint[]", _list(_BIG, "bigint")),
        Kind("varchar[]", "varchar[]", _list(_text, "varchar")),
        Kind("bigint[2]", "bigint[2]", _list(_BIG, "bigint", count=2)),
        Kind("decimal[]", "decimal(38, 4)[]", _list(_decimal(34, 4), "decimal(38, 4)")),
        Kind("date[]", "date[]", _list(_of("2026-01-31", "0001-01-01"), "date")),
        Kind("struct", "struct(a bigint, b varchar)", _struct(a=(_BIG, "bigint"), b=(_text, "varchar"))),
        Kind("struct[]", "struct(a bigint, b varchar)[]",
             lambda dice: Written("[" + ", ".join(_struct(a=(_BIG, "bigint"), b=(_text, "varchar"))(dice).value for _ in range(dice.randint(1, 3))) + "]")),
        Kind("map", "map(varchar, bigint)", _map(_BIG, "bigint"), seen=lambda value: None if value is None else dict(value)),
        Kind("union", "union(n bigint, t varchar)", lambda dice: Written(dice.choice(["union_value(n := 5)", "union_value(t := 'x')"])), "{}::varchar"),
    ]  # fmt: skip


_NESTED = ("[]", "[2]", "struct(", "map(", "union(")


class Duck:
    """The source ``duck``."""

    label = "duck"

    def __init__(self, path: Path) -> None:
        self._path = path
        with duckdb.connect(str(path)) as own:
            own.execute("create or replace type v_mood as enum ('happy', 'so la la', 'ü')")

    def kind(self, dice: random.Random) -> Kind:
        return dice.choice(_kinds(dice))

    def write(self, name: str, columns: list[Column]) -> Table:
        types = ", ".join(f"{each.name} {each.kind.type}" for each in columns)
        rows = [
            f"({i}, {', '.join(_literal(each, i) for each in columns)})"
            for i in range(len(columns[0].values))
        ]
        # Opened only briefly: the connector's processes open the file too.
        with duckdb.connect(str(self._path)) as own:
            own.execute("set timezone = 'UTC'")
            own.execute(f"create table {name} (id int, {types})")
            for start in range(0, len(rows), 200):
                own.execute(f"insert into {name} values {', '.join(rows[start : start + 200])}")
            for each in columns:
                asked = each.kind.native.format(each.name)
                if any(value is not None and value.known is not None for value in each.values):
                    each.want = [None if value is None else value.known for value in each.values]
                    continue
                found = own.execute(f"select {asked} from {name} order by id").fetchall()
                made = each.kind.canon or compare.canon
                each.want = [made(value) for (value,) in found]
        return Table(
            self.label,
            name,
            columns,
            lambda names: f"select {', '.join(names)} from {name} order by id",
            self.label,
        )

    def drop(self, name: str) -> None:
        """Drops a table if it exists."""
        with duckdb.connect(str(self._path)) as own:
            own.execute(f"drop table if exists {name}")

    def close(self) -> None:
        pass


def _literal(column: Column, row: int) -> str:
    value = column.values[row]
    if value is None:
        return "NULL"
    if any(part in column.kind.type for part in _NESTED):
        return f"{value.value}::{column.kind.type}"
    return "'" + value.value.replace("'", "''") + f"'::{column.kind.type}"
